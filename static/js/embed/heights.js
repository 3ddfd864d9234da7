/**
 * Which heights are reported to the host. A content whose height follows the frame's own would grow or swing for ever:
 * without a new width and without the reader's hand only so many reports are made, the last with the greatest height.
 */

const MOST = 12; // a start needs two or three: fonts, notices, Python's own picture

export class Heights {
  constructor() {
    this.width = 0;
    this.sent = 0;
    this.greatest = 0;
    this.left = MOST;
  }

  /** The reader has pressed something, or the host has set something: the content may change. */
  renew() {
    this.left = MOST;
    this.greatest = 0;
  }

  /** @param {number} height of the content @param {number} width of the frame @returns {number | undefined} the height to report */
  next(height, width) {
    if (width !== this.width) this.renew();
    this.width = width;
    const rounded = Math.ceil(height);
    if (!rounded || rounded === this.sent || !this.left) return undefined;
    this.left -= 1;
    this.greatest = Math.max(this.greatest, rounded);
    this.sent = this.left ? rounded : this.greatest;
    return this.sent;
  }
}
