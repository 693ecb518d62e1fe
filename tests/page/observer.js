// Runs in each page before its own scripts: notes what the page shows, and what it must never show or do.
(() => {
  const observed = { shown: [], faults: [] };
  window.observed = observed;
  const known = new Set();
  const fault = (text) => observed.faults.length < 20 && observed.faults.push(text);
  addEventListener("securitypolicyviolation", (event) => fault(`policy: ${event.violatedDirective} ${event.blockedURI}`));
  addEventListener("error", (event) => fault(`error: ${event.message}`));
  addEventListener("unhandledrejection", (event) => fault(`rejection: ${event.reason}`));

  function look() {
    let last = -1;
    const ids = new Set();
    for (const row of document.querySelectorAll("#rows > li.message")) {
      const { seq, id } = row.dataset;
      if (ids.has(id)) fault(`twice: ${id}`);
      ids.add(id);
      if (seq === undefined) continue;
      if (Number(seq) <= last) fault(`order: ${seq} after ${last}`);
      last = Number(seq);
      if (known.has(id)) continue;
      known.add(id);
      observed.shown.push(row.querySelector(".text").textContent);
    }
  }
  new MutationObserver(look).observe(document, { childList: true, subtree: true });
})();
