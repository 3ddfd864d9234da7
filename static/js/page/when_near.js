/**
 * Calls `act` once, when an element comes near the window.
 * @param {Element} element @param {string} distance such as "400px" @param {() => void} act
 */
export function whenNear(element, distance, act) {
  const near = new IntersectionObserver(
    (entries) => {
      if (!entries.some((entry) => entry.isIntersecting)) return;
      near.disconnect();
      act();
    },
    { rootMargin: distance },
  );
  near.observe(element);
}
