/**
 * From the still picture of an instrument to Python's figures: what is asked for is shown in the still picture as far as it
 * is stored, which then stays until Python shows the same.
 *
 * @typedef {import("./instruments.js").Link} Link
 */
import { dockChanges } from "./dock.js";

/** A still picture is kept this long while Python computes what it shows; then Python's first results replace it. */
export const STILL_MS = 4000;

/** Shows what is asked for in the still picture, as far as it is stored. @param {Link} link @returns {Promise<boolean>} whether it is */
export async function showAsked(link) {
  const { asking, moving, place } = link;
  if (!asking) return false;
  if (moving) moving.fits = !asking.differs(moving.param);
  const showing = asking.show();
  const { attempts } = asking;
  const changes = await showing;
  if (changes) {
    link.stillIsTrue = true;
    dockChanges(place, changes);
  } else if (moving?.fits && attempts === asking.attempts) moving.show(Number(asking.asked[moving.param]));
  return changes !== undefined;
}

/** Resolves when Python's answer is what the still picture shows, or after a while. @param {Link} link */
export function heard(link) {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, STILL_MS);
    link.answered = () => {
      if (link.queue.length || link.busy || link.working) return;
      clearTimeout(timer);
      resolve(undefined);
    };
    link.answered();
  });
}
