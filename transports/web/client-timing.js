/**
 * When a client that has lost its server connects again and where, and timers.
 *
 * @module
 */

/** Seconds on the clock of all deadlines. It never goes back, and may stand still while a machine sleeps. */
export const now = () => performance.now() / 1000;

/**
 * Exponential backoff with full jitter, so that clients that were cut off together come back apart. The wait is a
 * random time between 0 and a bound, which doubles with every failure.
 *
 * Where a server has several addresses, a failure leads to the next one within the first of these bounds, and only a
 * whole round of failures to a longer wait. Where it worked, it stays: `node` is the index of the address to try.
 */
export class Backoff {
  #failures = 0;
  #count;
  #left; // addresses of this round, after this one
  node = 0;

  /**
   * @param {{first?: number, longest?: number}} [bounds] seconds
   * @param {number} [count] of addresses
   */
  constructor({ first = 0.5, longest = 30 } = {}, count = 1) {
    this.first = first;
    this.longest = longest;
    this.#count = count;
    this.#left = count - 1;
  }

  /**
   * Go to the next address; returns the seconds to wait before it is tried. A whole round counts as a failure until
   * `reset`.
   *
   * @param {number} [atLeast] the time that a server which is closing asks for, where no other address is left
   */
  next(atLeast = 0) {
    this.node = (this.node + 1) % this.#count;
    if (this.#left-- > 0) return Math.random() * this.first;
    this.#left = this.#count - 1;
    const bound = Math.min(this.first * 2 ** this.#failures, this.longest);
    this.#failures = Math.min(this.#failures + 1, 16);
    return atLeast + Math.random() * bound;
  }

  /** The last try has served for something. */
  reset() {
    this.#failures = 0;
    this.#left = this.#count - 1;
  }
}

/**
 * Wait for something, but no longer than so many seconds.
 *
 * @param {number} seconds
 * @param {Promise<void>} promise
 */
export async function within(seconds, promise) {
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  await Promise.race([promise, new Promise((resolve) => (timer = setTimeout(resolve, seconds * 1000)))]);
  clearTimeout(timer);
}

const LONGEST = 0x7fffffff / 1000; // seconds that a timer can count

/** One timer, for whichever deadline is next. */
export class Alarm {
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  #at = Infinity;
  #call;

  /** @param {() => void} call what is due: it has to set the next deadline */
  constructor(call) {
    this.#call = call;
  }

  /**
   * Have it called at a time. A later one than before costs nothing: the call comes too early once, and sets it again.
   *
   * @param {number} at
   */
  set(at) {
    if (at >= this.#at) return;
    this.stop();
    this.#at = at;
    const wait = Math.min(Math.max(at - now(), 0), LONGEST);
    this.#timer = setTimeout(() => this.#ring(), Math.ceil(wait * 1000));
  }

  stop() {
    clearTimeout(this.#timer);
    this.#at = Infinity;
  }

  #ring() {
    this.#at = Infinity;
    this.#call();
  }
}
