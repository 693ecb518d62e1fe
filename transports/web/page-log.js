/**
 * The log on the screen: rows are drawn once a frame, and nothing that its user reads moves.
 *
 * While its end is in sight it follows what comes. Otherwise the topmost row that can be seen stays where it is,
 * whatever is put before it or taken away. Browsers can do that themselves, but not all of them do, so it is switched
 * off in the style sheet and done here.
 *
 * @module
 */

/** @typedef {import("./page-rows.js").Row} Row */
/** @typedef {{key: string, bottom: number}} Anchor a row, and how far its end is below the edge */

const NEAR = 40; // pixels from the end that count as the end
const EARLY = 800; // pixels before an end at which more is asked for

export class Log {
  /** @type {Map<string, {element: HTMLElement, version: string}>} */
  #drawn = new Map();
  #scroller;
  #list;
  #size = ""; // for which the place was noted
  /** @type {Anchor | undefined} */
  #held;
  isFollowing = true;

  /**
   * @param {HTMLElement} scroller
   * @param {HTMLElement} list
   * @param {() => void} scrolled
   * @param {AbortSignal} signal its end
   */
  constructor(scroller, list, scrolled, signal) {
    this.#scroller = scroller;
    this.#list = list;
    scroller.addEventListener("scroll", () => {
      if (this.#sizeNow === this.#size) this.#note();
      scrolled();
    }, { passive: true, signal });
    list.addEventListener("click", () => this.#note(), { signal }); // which may have unfolded a text
    const observer = new ResizeObserver(() => this.#resized());
    observer.observe(scroller);
    signal.addEventListener("abort", () => observer.disconnect());
  }

  /** What a new size has moved was not moved by its user. */
  #resized() {
    this.#size = this.#sizeNow;
    this.#keep(this.#held);
  }

  get #sizeNow() {
    return `${this.#scroller.clientWidth} ${this.#scroller.clientHeight}`;
  }

  /** Note where its user reads. */
  #note() {
    this.isFollowing = this.#toEnd < NEAR;
    this.#held = this.isFollowing ? undefined : this.#anchor(this.#drawn);
  }

  get #toEnd() {
    return this.#scroller.scrollHeight - this.#scroller.scrollTop - this.#scroller.clientHeight;
  }

  get isNearStart() {
    return this.#scroller.scrollTop < EARLY;
  }

  get isNearEnd() {
    return this.#toEnd < EARLY;
  }

  /** The last `seq` that can be seen in full, or in its last line. */
  get lastSeen() {
    const bottom = this.#scroller.getBoundingClientRect().bottom + 2;
    const rows = [...this.#list.children].reverse();
    const seen = rows.find((row) => row instanceof HTMLElement && row.dataset.seq
      && row.getBoundingClientRect().bottom <= bottom);
    return seen instanceof HTMLElement ? Number(seen.dataset.seq) : 0;
  }

  /** Show another room, from its end or from a row. */
  clear() {
    this.#drawn.clear();
    this.#list.replaceChildren();
    this.isFollowing = true;
  }

  unfollow() {
    this.isFollowing = false;
  }

  follow() {
    this.isFollowing = true;
    this.#goToEnd();
  }

  /** Put a row into the upper third; returns whether it is there. @param {string} key */
  goTo(key) {
    const row = this.#drawn.get(key)?.element;
    if (row) this.#goToRow(row);
    return row !== undefined;
  }

  /** Put a message into the upper third, or the first one after it. @param {number} seq */
  goToMessage(seq) {
    const rows = [...this.#drawn.values()].map(({ element }) => element);
    const row = rows.find(({ dataset }) => Number(dataset.seq ?? 0) >= seq);
    if (row) this.#goToRow(row);
  }

  /** @param {HTMLElement} row */
  #goToRow(row) {
    const offset = row.getBoundingClientRect().top - this.#scroller.getBoundingClientRect().top;
    this.#scroller.scrollTop += offset - this.#scroller.clientHeight / 3;
    this.#note();
  }

  /** @param {Row[]} rows */
  draw(rows) {
    if (this.#sizeNow !== this.#size) this.#resized(); // the observer is told of it later
    const anchor = this.isFollowing ? undefined : this.#anchor(new Set(rows.map((row) => row.key)));
    this.#reconcile(rows);
    this.#keep(anchor);
    this.#held = this.isFollowing ? undefined : this.#anchor(this.#drawn);
  }

  /** Follow the end, or hold a row where it was. @param {Anchor | undefined} anchor */
  #keep(anchor) {
    if (this.isFollowing) return this.#goToEnd();
    const element = anchor && this.#drawn.get(anchor.key)?.element;
    const moved = element ? this.#bottomOf(element) - anchor.bottom : 0;
    if (moved) this.#scroller.scrollTop += moved;
  }

  /** @param {HTMLElement} element */
  #bottomOf(element) {
    return element.getBoundingClientRect().bottom - this.#scroller.getBoundingClientRect().top;
  }

  /**
   * The topmost row in sight that stays. It is held at its end, where its text is: the name or the day above that may
   * go when a page comes before it.
   *
   * @param {{has: (key: string) => boolean}} staying
   * @returns {Anchor | undefined}
   */
  #anchor(staying) {
    const top = this.#scroller.getBoundingClientRect().top;
    for (const [key, { element }] of this.#drawn) {
      const { bottom } = element.getBoundingClientRect();
      if (bottom > top && staying.has(key)) return { key, bottom: bottom - top };
    }
    return undefined;
  }

  /** @param {Row[]} rows */
  #reconcile(rows) {
    const before = this.#drawn;
    this.#drawn = new Map(rows.map((row) => [row.key, this.#elementOf(row, before.get(row.key))]));
    const hadFocus = this.#list.contains(document.activeElement);
    for (const [key, { element }] of before) if (this.#drawn.get(key)?.element !== element) element.remove();
    if (hadFocus && !this.#list.contains(document.activeElement)) this.#scroller.focus({ preventScroll: true });
    let next = this.#list.firstElementChild;
    for (const { element } of this.#drawn.values()) {
      if (element === next) next = next.nextElementSibling;
      else this.#list.insertBefore(element, next);
    }
  }

  /**
   * @param {Row} row
   * @param {{element: HTMLElement, version: string} | undefined} drawn
   */
  #elementOf(row, drawn) {
    return drawn?.version === row.version ? drawn : { element: row.make(), version: row.version };
  }

  #goToEnd() {
    this.#scroller.scrollTop = this.#scroller.scrollHeight;
  }
}
