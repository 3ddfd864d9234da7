/**
 * Points that the reader brings to the picture: pasted or dropped as CSV or JSON, or the dark places of an image. Loaded
 * when the reader asks for it. Nothing leaves the browser: the points become digits of a setting, as drawn ones do.
 *
 * @typedef {[number, number]} Point
 */

const STEPS = 1295; // a coordinate has two base-36 digits
const MOST_CHARACTERS = 2e6;
const SIDE = 96; // pixels along the longer side of an image
const ROUNDS = 25; // in which points move to the middle of the dark around them
const PAPER = 0.3; // darkness, from 0 to 1, up to which a pixel counts as paper
const ROOM = 0.8; // share of the picture that scaled points fill

/** An error whose message is for the reader. */
class Wrong extends Error {}

/** A text in at most 24 characters. @param {unknown} text */
const short = (text) => (String(text).length > 24 ? `${String(text).slice(0, 23)}…` : String(text));

/** The points of a CSV or JSON text; an error says what is wrong, and where. @param {string} text @returns {Point[]} */
export function pointsOfText(text) {
  if (text.length > MOST_CHARACTERS) throw new Wrong(`The text has ${text.length} characters; at most ${MOST_CHARACTERS} are read.`);
  const trimmed = text.replace(/^\uFEFF/, "").trim();
  if (!trimmed) throw new Wrong("There is no text. Each line needs two numbers, x and y.");
  return /^[[{]/.test(trimmed) ? ofJson(trimmed) : ofLines(trimmed);
}

/** @param {string} text @returns {Point[]} */
function ofJson(text) {
  /** @type {any} */ let value;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new Wrong(`This is not valid JSON: ${/** @type {Error} */ (error).message}.`);
  }
  if (Array.isArray(value?.x) && Array.isArray(value?.y)) {
    if (value.x.length !== value.y.length) throw new Wrong(`"x" has ${value.x.length} numbers and "y" has ${value.y.length}; both need equally many.`);
    value = value.x.map((/** @type {unknown} */ x, /** @type {number} */ k) => [x, value.y[k]]);
  }
  if (!Array.isArray(value)) throw new Wrong('The JSON must be a list of points, such as [[0, 1], [2, 3]], or {"x": […], "y": […]}.');
  if (!value.length) throw new Wrong("The list holds no points.");
  return value.map((entry, k) => {
    const [x, y] = Array.isArray(entry) ? entry : [entry?.x, entry?.y];
    if (!Number.isFinite(x) || !Number.isFinite(y)) throw new Wrong(`Point ${k + 1} of the list must be two numbers, got ${short(JSON.stringify(entry))}.`);
    return [x, y];
  });
}

/** @param {string} text @returns {Point[]} */
function ofLines(text) {
  // With semicolons between them, numbers may have decimal commas.
  const cells = (/** @type {string} */ line) =>
    line.includes(";") ? line.replaceAll(",", ".").split(";") : line.split(line.includes(",") ? "," : /\s+/);
  /** @type {Point[]} */ const points = [];
  let columns = [0, 1];
  let first = true;
  for (const [k, line] of text.split(/\r\n|\r|\n/).entries()) {
    if (!line.trim() || line.trim().startsWith("#")) continue;
    const found = cells(line.trim()).map((cell) => cell.trim().replace(/^"(.*)"$/, "$1"));
    const titles = found.map((title) => title.toLowerCase());
    if (first && found.every((cell) => !cell || Number.isNaN(Number(cell)))) {
      if (titles.includes("x") && titles.includes("y")) columns = [titles.indexOf("x"), titles.indexOf("y")];
      first = false;
      continue;
    }
    first = false;
    const [x, y] = columns.map((column) => found[column] ?? "");
    if (!x || !y) throw new Wrong(`Line ${k + 1} needs two numbers, x and y, got “${short(line.trim())}”.`);
    for (const cell of [x, y])
      if (!Number.isFinite(Number(cell))) throw new Wrong(`Line ${k + 1}: “${short(cell)}” is not a number.`);
    points.push([Number(x), Number(y)]);
  }
  if (!points.length) throw new Wrong("The text has titles or remarks, but no line with two numbers.");
  return points;
}

/** At most `most` of the points, evenly spaced in their order. @template T @param {T[]} points @param {number} most */
export const thinned = (points, most) =>
  points.length <= most ? points : Array.from({ length: most }, (_, k) => points[Math.floor((k * points.length) / most)]);

/** The points as shares of the picture: as they are if they fit into it, else scaled into it. @param {Point[]} points @param {number} extent half its width in data units */
export function fitted(points, extent) {
  const bounds = [0, 1].map((axis) => {
    const [low, high] = points.reduce(([low, high], point) => [Math.min(low, point[axis]), Math.max(high, point[axis])], [Infinity, -Infinity]);
    return { low, high, middle: low / 2 + high / 2 };
  });
  const fits = bounds.every(({ low, high }) => -extent <= low && high <= extent);
  const across = Math.max(...bounds.map(({ low, high }) => high / 2 - low / 2)) || 1;
  const asIs = fits && across > extent / 8;
  const shares = points.map((point) =>
    point.map((value, axis) => (asIs ? (value / extent + 1) / 2 : 0.5 + (ROOM / 2) * ((value - bounds[axis].middle) / across))),
  );
  return { shares: /** @type {Point[]} */ (shares), scaled: !asIs };
}

/** Shares as base-36 digits, four for each point. @param {Point[]} shares */
export const encoded = (shares) =>
  shares.flat().map((share) => Math.round(STEPS * Math.min(1, Math.max(0, share))).toString(36).padStart(2, "0")).join("");

/**
 * `count` points of an image, spread over its dark places, denser where it is darker; y upwards, in pixels.
 * Lloyd's rounds: each point moves to the middle of the dark that is nearest to it. They begin in proportion to the dark.
 * @param {Uint8ClampedArray} rgba @param {number} width @param {number} count @returns {Point[]}
 */
export function pointsOfImage(rgba, width, count) {
  /** @type {{x: number, y: number, dark: number}[]} */ const pixels = [];
  for (let k = 0; k < rgba.length / 4; k++) {
    const [r, g, b, a] = rgba.subarray(4 * k, 4 * k + 4);
    const dark = ((1 - (0.299 * r + 0.587 * g + 0.114 * b) / 255) * a) / 255;
    if (dark > PAPER) pixels.push({ x: k % width, y: -Math.floor(k / width), dark });
  }
  if (!pixels.length) throw new Wrong("The image has no dark pixels. Points are placed where it is dark.");
  const total = pixels.reduce((sum, { dark }) => sum + dark, 0);
  const wanted = Math.min(count, pixels.length);
  /** @type {Point[]} */ let points = [];
  let sum = 0;
  for (const { x, y, dark } of pixels) {
    sum += dark;
    while (points.length < wanted && sum >= ((points.length + 0.5) * total) / wanted) points.push([x, y]);
  }
  for (let round = 0; round < ROUNDS; round++) {
    const sums = points.map(() => [0, 0, 0]);
    for (const { x, y, dark } of pixels) {
      let nearest = 0;
      let least = Infinity;
      for (let k = 0; k < points.length; k++) {
        const distance = (points[k][0] - x) ** 2 + (points[k][1] - y) ** 2;
        if (distance < least) [least, nearest] = [distance, k];
      }
      sums[nearest][0] += dark * x;
      sums[nearest][1] += dark * y;
      sums[nearest][2] += dark;
    }
    points = points.map((point, k) => (sums[k][2] ? [sums[k][0] / sums[k][2], sums[k][1] / sums[k][2]] : point));
  }
  return points;
}

/** The pixels of an image file, at most SIDE along its longer side. @param {Blob} file */
async function pixelsOf(file) {
  const image = await createImageBitmap(file).catch(() => {
    throw new Wrong("The browser cannot read this image.");
  });
  const scale = Math.min(1, SIDE / Math.max(image.width, image.height));
  const [width, height] = [image.width, image.height].map((side) => Math.max(1, Math.round(scale * side)));
  const canvas = Object.assign(document.createElement("canvas"), { width, height });
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d", { willReadFrequently: true }));
  context.drawImage(image, 0, 0, width, height);
  return { rgba: context.getImageData(0, 0, width, height).data, width };
}

/**
 * Opens the entry on the pad, for a text or a file; `file`: one that has been dropped. `put` sets the drawn points.
 * @param {HTMLElement} pad @param {(text: string) => void} put @param {Blob | null} [file]
 */
export async function bring(pad, put, file = null) {
  pad.querySelector(".bring")?.remove();
  const extent = Number(pad.dataset.extent);
  const most = Number(pad.dataset.max);
  const entry = document.createElement("div");
  entry.className = "bring";
  entry.setAttribute("role", "group");
  entry.setAttribute("aria-label", "Your own points");
  entry.innerHTML = `<label>Points as CSV or JSON: x and y in each line, or [[x, y], …]<textarea rows="5" spellcheck="false" placeholder="x,y\n-1.5,0.5\n2,1"></textarea></label>
    <label>or a file: CSV, JSON or an image, whose dark pixels become points <input type="file" accept=".csv,.txt,.tsv,.json,image/*"></label>
    <p class="problem" role="alert"></p><div><button type="button" data-do="use">Use these points</button><button type="button" data-do="close">Close</button></div>`;
  pad.append(entry);
  const area = /** @type {HTMLTextAreaElement} */ (entry.querySelector("textarea"));
  const problem = /** @type {HTMLElement} */ (entry.querySelector(".problem"));
  const close = () => {
    entry.remove();
    /** @type {HTMLElement | null} */ (pad.querySelector("[data-do=bring]"))?.focus();
  };

  /** @param {() => Promise<Point[]> | Point[]} read */
  const take = async (read) => {
    problem.textContent = "";
    try {
      const points = await read();
      const { shares, scaled } = fitted(thinned(points, most), extent);
      put(encoded(shares));
      const [used, all] = [Math.min(most, points.length), points.length];
      if (used < all)
        problem.textContent = scaled
          ? `${used} of ${all} points are used, evenly spaced, scaled to fit the picture.`
          : `${used} of ${all} points are used, evenly spaced.`;
      else problem.textContent = scaled ? `${used} points are used, scaled to fit the picture.` : `${used} points are used.`;
      entry.toggleAttribute("data-done", true);
    } catch (error) {
      entry.toggleAttribute("data-done", false);
      problem.textContent = error instanceof Wrong ? error.message : "These points could not be read.";
    }
  };
  const takeFile = (/** @type {Blob} */ given) =>
    take(async () => {
      if (!given.type.startsWith("image/")) return pointsOfText(given.size > 4 * MOST_CHARACTERS ? "x".repeat(MOST_CHARACTERS + 1) : await given.text());
      const { rgba, width } = await pixelsOf(given);
      return pointsOfImage(rgba, width, most);
    });

  entry.querySelector("[data-do=use]")?.addEventListener("click", () => take(() => pointsOfText(area.value)));
  entry.querySelector("[data-do=close]")?.addEventListener("click", close);
  entry.addEventListener("keydown", (event) => event.key === "Escape" && close());
  area.addEventListener("paste", (event) => {
    const image = [...(event.clipboardData?.files ?? [])].find(({ type }) => type.startsWith("image/"));
    if (!image) return;
    event.preventDefault();
    takeFile(image);
  });
  const chooser = /** @type {HTMLInputElement} */ (entry.querySelector("input"));
  chooser.addEventListener("change", () => chooser.files?.[0] && takeFile(chooser.files[0]));
  area.focus();
  if (file) await takeFile(file);
}
