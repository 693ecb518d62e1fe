// Runs in each page before its own scripts: notes what the page shows, and what it must never show or do.
(() => {
  const observed = { shown: [], messages: [], faults: [] };
  window.observed = observed;
  const texts = new Map(); // by id, as they were first shown
  const born = new Map(); // when a row of our own was first shown that is not stored
  const known = new Set();
  const fault = (text) => observed.faults.length < 20 && observed.faults.push(text);
  addEventListener("securitypolicyviolation", (event) => fault(`policy: ${event.violatedDirective} ${event.blockedURI}`));
  addEventListener("error", (event) => fault(`error: ${event.message}`));
  addEventListener("unhandledrejection", (event) => fault(`rejection: ${event.reason}`));

  function look() {
    const ids = new Set();
    let last = -1;
    for (const row of document.querySelectorAll("#rows > li.message")) {
      const { seq, id } = row.dataset;
      if (ids.has(id)) fault(`twice: ${id}`);
      ids.add(id);
      const isStored = seq !== undefined;
      const place = isStored ? Number(seq) : noteBirth(id);
      if (isStored && last >= 1e9) fault(`order: ${seq} after what is not stored`);
      if (place <= last) fault(`order: ${id} at ${place} after ${last}`);
      last = place;
      const text = row.querySelector(".text").textContent;
      if (texts.has(id) && texts.get(id) !== text) fault(`changed: ${id}`);
      texts.set(id, text);
      if (isStored) note(place, id, text);
    }
  }

  function noteBirth(id) {
    if (!born.has(id)) born.set(id, 1e9 + born.size);
    return born.get(id);
  }

  function note(seq, id, text) {
    if (known.has(id)) return;
    known.add(id);
    observed.shown.push(text);
    observed.messages.push([seq, id, text]);
  }

  new MutationObserver(look).observe(document, { childList: true, subtree: true });
})();
