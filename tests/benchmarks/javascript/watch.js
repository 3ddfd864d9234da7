/**
 * Notes, in the page, what happens between a hand's move and the picture. Runs before the page's own scripts, changes
 * nothing of what they do, and leaves a list in `watched`; times are in ms since navigation:
 *
 *   ["move", time, value]             a trusted pointer's event that gave a slider this value, or moved a handle (null)
 *   ["sent", time, {Param: value}]    a message to Python that it answers with "idle"; what the page sets by it
 *   ["arrived", time], ["applied", time]  an answer from Python, before and after the page has taken it in
 *   ["idle", time]                    Python is done with the oldest message sent
 *   ["drawn", start, time]            canvases drawn from `start` on; the frame with them was handed over at `time`
 *   ["frames", first, second]         the two frames after an answer was applied had been handed over
 *   ["task", start, length]           the page was busy for at least 50 ms
 */
(() => {
  /** @type {any[]} */
  const watched = (window.watched = []);
  const ANSWERED = new Set(["set", "act"]);
  const now = () => performance.now();
  const request = window.requestAnimationFrame.bind(window);

  /** Calls back in the first task after this frame's rendering. @param {(time: number) => void} then */
  const handedOver = (then) => {
    const channel = new MessageChannel();
    channel.port1.onmessage = () => then(now());
    channel.port2.postMessage(0);
  };

  // The browser stamps a pointer's event when it gets the move; a slider's `input` event is made later, by the page.
  let hand = 0;
  addEventListener(
    "pointermove",
    (event) => {
      if (!event.isTrusted) return;
      hand = event.timeStamp;
      const pad = event.composedPath().find((element) => element.hasAttribute?.("data-handle"));
      if (pad?.hasPointerCapture(event.pointerId)) watched.push(["move", hand, null]);
    },
    true,
  );
  addEventListener(
    "input",
    (event) => {
      const input = event.composedPath()[0];
      if (event.isTrusted && input.type === "range") watched.push(["move", hand, input.valueAsNumber]);
    },
    true,
  );

  window.Worker = class extends Worker {
    postMessage(message, ...rest) {
      if (ANSWERED.has(message.type)) watched.push(["sent", now(), message.values ?? {}]);
      super.postMessage(message, ...rest);
    }
    set onmessage(receive) {
      super.onmessage = (event) => {
        const { type } = event.data;
        if (type === "idle" || type === "state") watched.push([type === "idle" ? "idle" : "arrived", now()]);
        receive.call(this, event);
        if (type === "state") applied();
      };
    }
    get onmessage() {
      return super.onmessage;
    }
  };
  function applied() {
    watched.push(["applied", now()]);
    request(() => {
      handedOver((first) => request(() => handedOver((second) => watched.push(["frames", first, second]))));
    });
  }

  // Bokeh clears each canvas before it draws on it, mostly but not always within a frame's callbacks.
  let inFrame = false;
  window.requestAnimationFrame = (callback) =>
    request((time) => {
      inFrame = true;
      try {
        callback(time);
      } finally {
        inFrame = false;
      }
    });
  let drawing = false;
  const clear = CanvasRenderingContext2D.prototype.clearRect;
  CanvasRenderingContext2D.prototype.clearRect = function (...box) {
    if (!drawing) {
      drawing = true;
      const start = now();
      const note = (/** @type {number} */ time) => {
        drawing = false;
        watched.push(["drawn", start, time]);
      };
      if (inFrame) handedOver(note);
      else request(() => handedOver(note));
    }
    return clear.apply(this, box);
  };

  new PerformanceObserver((list) => {
    for (const { startTime, duration } of list.getEntries()) watched.push(["task", startTime, duration]);
  }).observe({ type: "longtask" });
})();
