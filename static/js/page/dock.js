/**
 * Keeps an instrument in sight while its text is read. A preset of an instrument that is out of sight moves its picture
 * and main controls to a dock: the right margin, or the foot of a smaller window. The page does not scroll. The dock ends
 * when the reader comes to the instrument, or closes it.
 */
import { within } from "../bokeh/shadow.js";

/** Share of a picture, or of the window where that is lower, that counts as in sight. */
const ENOUGH = 0.6;

/** The instrument that is docked. @type {HTMLElement | undefined} */
let docked;

/** Ends the dock when the docked instrument comes into view. @type {IntersectionObserver | undefined} */
let near;

/** Docks an instrument unless it is in sight. @param {HTMLElement} place its figure */
export function keepInSight(place) {
  if (docked === place || inSight(place)) return;
  undock();
  docked = place;
  place.style.minHeight = `${place.offsetHeight}px`; // the text below does not move
  const stage = /** @type {HTMLElement} */ (place.querySelector(".stage"));
  stage.prepend(bar(place));
  place.classList.add("docked");
  mark(place, true);
  place.addEventListener("lab:state", onState); // a live view that replaces the still picture
  near ??= new IntersectionObserver(
    (entries) => entries.some(({ target, isIntersecting }) => target === docked && isIntersecting) && undock(),
    { rootMargin: "-30% 0px -30% 0px" },
  );
  near.observe(place);
}

/** Puts the docked instrument back in its place. */
export function undock() {
  if (!docked) return;
  const place = docked;
  docked = undefined;
  near?.unobserve(place);
  place.removeEventListener("lab:state", onState);
  place.querySelector(".dock-bar")?.remove();
  place.classList.remove("docked");
  place.style.minHeight = "";
  mark(place, false);
}

const onState = () => docked && mark(docked, true);

/** Tells the front panel, which may be in a shadow root. @param {HTMLElement} place @param {boolean} yes */
function mark(place, yes) {
  within(place, ".front-panel")?.toggleAttribute("data-docked", yes);
}

/** @param {HTMLElement} place */
function inSight(place) {
  const picture = within(place, ".picture") ?? place;
  const box = picture.getBoundingClientRect();
  const visible = Math.min(box.bottom, innerHeight) - Math.max(box.top, 0);
  return visible >= ENOUGH * Math.min(box.height, innerHeight);
}

/** The head of the dock: its title, the way to the whole instrument, and an end. @param {HTMLElement} place */
function bar(place) {
  const made = document.createElement("div");
  made.className = "dock-bar";
  const title = document.createElement("b");
  title.textContent = place.querySelector("h3")?.textContent ?? "";
  const whole = document.createElement("a");
  whole.href = `#${place.id}`;
  whole.textContent = "Whole instrument";
  whole.addEventListener("click", () => {
    undock();
    offerReturn(place);
  });
  const close = document.createElement("button");
  close.type = "button";
  close.textContent = "×";
  close.ariaLabel = "Close";
  close.addEventListener("click", undock);
  made.append(title, whole, close);
  return made;
}

/** A button at the instrument that goes back to the line that was being read. @param {HTMLElement} place */
function offerReturn(place) {
  const header = /** @type {HTMLElement} */ (place.querySelector("header"));
  if (header.querySelector(".return")) return;
  const button = document.createElement("button");
  button.type = "button";
  button.className = "return";
  button.textContent = "Back to the text";
  button.addEventListener("click", () => history.back()); // the browser remembers where the page was
  header.insertBefore(button, header.querySelector(".menu"));
  addEventListener("popstate", () => location.hash !== `#${place.id}` && button.remove());
}
