/**
 * The height of a frame's content at many widths, as `390:991 736:755`. Code to paste carries this table, so that a frame
 * has its right height before it has loaded, and the page around it does not move.
 */

/** Phones, with and without margins of 16; text columns of common page designs; what lies between; pages without a column; in CSS pixels. */
const WIDTHS = [
  320, 328, 343, 358, 360, 375, 380, 390, 398, 412, 430, 480, 530, 580, 630, 640, 660, 680, 700, 720, 736, 752, 768, 800, 850, 900, 1000, 1100, 1200, 1280, 1344, 1424,
];

/** @param {(width: number) => number} heightAt measures the content at a width */
export const heightTable = (heightAt) => WIDTHS.map((width) => `${width}:${heightAt(width)}`).join(" ");

/** The height at the width nearest to this one; undefined for an empty table. @param {string} table @param {number} width */
export function nearestHeight(table, width) {
  const pairs = table.split(" ").map((pair) => pair.split(":").map(Number));
  return pairs.reduce((best, pair) => (Math.abs(pair[0] - width) < Math.abs(best[0] - width) ? pair : best))[1];
}

/** The pairs without which the others still give each height within `off` pixels. @param {string} table @param {number} off */
export function shortened(table, off) {
  const all = table.split(" ");
  const right = (/** @type {string[]} */ pairs) =>
    all.every((pair) => Math.abs(nearestHeight(pairs.join(" "), Number(pair.split(":")[0])) - Number(pair.split(":")[1])) <= off);
  return all.reduce((kept, pair) => {
    const fewer = kept.filter((each) => each !== pair);
    return fewer.length && right(fewer) ? fewer : kept;
  }, all).join(" ");
}
