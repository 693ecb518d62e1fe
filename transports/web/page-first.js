/**
 * What runs before the page is there: a small script, no module, so that it needs nothing else and nothing waits for it.
 *
 * It takes what stands behind the `#` out of the address bar and out of the history of the window, since that may be an
 * invite, and hands it to the module that asks for it, once. It says so if a part of the page does not come, and puts
 * back what it has taken, which nothing has used then: so it is there however the page is loaded again. Until then the
 * document says that it is being loaded, and after a while that this takes too long.
 */

"use strict";

(() => {
  let hash = "";
  const started = new AbortController();
  const { signal } = started;

  const take = () => {
    if (location.hash === "") return;
    hash = location.hash;
    history.replaceState(null, "", location.pathname + location.search);
  };

  const putBack = () => {
    removeEventListener("hashchange", take);
    if (location.hash === "") history.replaceState(null, "", location.pathname + location.search + hash);
  };

  /** @param {Event} event */
  const fail = (event) => {
    const { target } = /** @type {any} */ (event);
    if (target !== window && !target.matches?.("script, [rel=stylesheet]")) return;
    document.documentElement.classList.add("broken");
    putBack();
  };

  /** @param {Event} event */
  const reload = (event) => {
    if (/** @type {Element} */ (event.target).id !== "loading-again") return;
    event.preventDefault();
    putBack();
    location.reload();
  };

  take();
  addEventListener("hashchange", take, { signal });
  addEventListener("error", fail, { signal, capture: true });
  addEventListener("unhandledrejection", fail, { signal });
  addEventListener("click", reload, { signal });

  const own = /** @type {any} */ (window);
  own.pageFirst = {
    /** What stood behind the `#`. It stays here until the page has started, for whoever reloads what did not come. */
    get hash() {
      return hash;
    },
    /** The page has started: this forgets all, and does nothing more. */
    end() {
      hash = "";
      started.abort();
      delete own.pageFirst;
    },
  };
})();
