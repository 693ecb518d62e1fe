/**
 * What the keyboard does, wherever it stands: Ctrl+K for any room, Alt+Up and Alt+Down for the next one, Esc for the
 * end of this one.
 *
 * @module
 */

/**
 * @typedef {{openSwitcher: () => void, openNext: (step: number) => void, goToLatest: () => void, focus: () => void}} Target
 */

export class Keys {
  #stop = new AbortController();
  #target;

  /** @param {Target} target */
  constructor(target) {
    this.#target = target;
    document.addEventListener("keydown", (event) => this.#press(event), { signal: this.signal });
  }

  get signal() {
    return this.#stop.signal;
  }

  stop() {
    this.#stop.abort();
  }

  /** @param {KeyboardEvent} event */
  #press(event) {
    const action = this.#actionOf(event);
    if (action === undefined || document.querySelector("dialog[open]")) return;
    event.preventDefault();
    action();
  }

  /** @param {KeyboardEvent} event */
  #actionOf({ key, ctrlKey, altKey, metaKey, isComposing }) {
    const target = this.#target;
    if (isComposing) return undefined;
    if ((ctrlKey || metaKey) && !altKey && key.toLowerCase() === "k") return () => target.openSwitcher();
    if (altKey && key === "ArrowUp") return () => target.openNext(-1);
    if (altKey && key === "ArrowDown") return () => target.openNext(1);
    if (key !== "Escape") return undefined;
    return () => {
      target.goToLatest();
      target.focus();
    };
  }
}
