/**
 * Notices that something is silent for too long. The time is counted in ticks: while the computer sleeps or the page is
 * frozen, none passes.
 */

const TICKS = 8;

export class SilenceTimer {
  /** @param {number} ms @param {() => void} act called once, after `ms` without a call of `heard` */
  constructor(ms, act) {
    this.ticks = 0;
    this.timer = setInterval(() => {
      if (++this.ticks < TICKS) return;
      this.end();
      act();
    }, ms / TICKS);
  }

  heard() {
    this.ticks = 0;
  }

  end() {
    clearInterval(this.timer);
  }
}
