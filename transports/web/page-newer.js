/**
 * Whether the server has another version of the page by now, with which this one does not fit together.
 *
 * @module
 */

import { byId } from "./page-elements.js";

const VERSION = /<meta name="version" content="([0-9a-f]+)">/;

/**
 * The version of a page, if it says one.
 *
 * @param {string} text of its document
 */
export const versionIn = (text) => VERSION.exec(text)?.[1];

/** Offer to load the page again if the server's is of another version. What is unsent, and drafts, are kept. */
export async function offerNewer() {
  byId("newer").onclick = () => location.reload();
  const ours = document.querySelector('meta[name="version"]')?.getAttribute("content");
  try {
    const answer = await fetch(new URL(".", document.baseURI), { cache: "no-cache" });
    const theirs = answer.ok ? versionIn(await answer.text()) : undefined;
    byId("newer").hidden = theirs === undefined || theirs === ours;
  } catch {
    // It is asked again with the next connection.
  }
}
