/**
 * What is said where this browser does not keep the key that it has made for an invite. A key that is lost makes the
 * invite worthless, so that is used only if its user agrees.
 *
 * @module
 */

import { byId, make } from "./page-elements.js";
import { whyUnkept } from "./page-state.js";

/** @typedef {import("./page-store.js").Store} Store */

const LOST = "so the key for your invite is lost when you close this page or load it again. You would need another invite to"
  + " come back. This one is not used yet: you can also open its link in another browser, or in a window that is not private.";
const AGREE = "Use the invite here all the same";

/**
 * Have the door let nobody in who does not agree; returns what it says.
 *
 * @param {Store} store
 * @param {string} words what it would say otherwise
 */
export function warn(store, words) {
  const form = byId("door-form");
  form.querySelector("input[type=checkbox]")?.parentElement.remove();
  const label = make("label", {}, make("input", { type: "checkbox", required: true }), AGREE);
  Object.assign(label.style, { display: "flex", alignItems: "center", gap: "0.5rem", marginTop: "0.5rem" });
  form.querySelector("button").before(label);
  form.addEventListener("submit", () => label.remove(), { once: true });
  return `${words} ${whyUnkept(store)}, ${LOST}`.trim();
}
