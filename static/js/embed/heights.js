/**
 * Which heights are reported to the host. A content whose height follows the frame's own would grow or swing for ever:
 * without a new width only a few such echoes are reported. And without a new width or the reader's hand only so many
 * reports are made at all, the last with the greatest height. While the reader moves a slider or plays, the height does
 * not fall: the page around the frame would move under their hand.
 */

const MOST = 12; // a start needs two or three: fonts, notices, Python's own picture
const MOST_ECHOES = 3; // enough for a picture that is bounded by the window's height

export class Heights {
  constructor() {
    this.width = 0;
    this.sent = 0;
    this.greatest = 0;
    this.left = MOST;
    this.echoes = 0;
    this.held = false;
  }

  /**
   * The reader has pressed something, or the host has set something: the content may change.
   * @param {boolean} [moves] the reader has pressed what moves the picture: a slider, a pad, a button of the transport
   */
  renew(moves = false) {
    this.held = moves;
    this.greatest = 0;
    if (this.echoes <= MOST_ECHOES) this.left = MOST;
  }

  /**
   * @param {number} height of the content @param {number} width of the frame
   * @param {boolean} [echo] whether the frame has just got the height that was reported last
   * @returns {number | undefined} the height to report
   */
  next(height, width, echo = false) {
    if (width !== this.width) {
      this.echoes = 0;
      this.renew();
    }
    this.width = width;
    const rounded = Math.ceil(height);
    if (!rounded || rounded === this.sent || !this.left || (this.held && rounded < this.sent)) return undefined;
    if (echo && ++this.echoes > MOST_ECHOES) {
      this.left = 0;
      return undefined;
    }
    this.left -= 1;
    this.greatest = Math.max(this.greatest, rounded);
    this.sent = this.left ? rounded : this.greatest;
    return this.sent;
  }
}
