/**
 * What a page that others on the network can read has to ask: whether its server was started for such a network.
 *
 * @module
 */

import { byId, setText } from "./page-elements.js";

const NO_ANSWER = "The server does not answer. This page goes on when it does, and keeps your invite if you have one.";
const PATIENCE_MS = 5_000; // for what the server says of itself
const AGAIN_MS = 2_000; // after which it is asked again
const NOT_NOW = new Set([408, 425, 429]); // answers of a proxy or a server that has too much to do

/** Whether a key may be made and sent here. */
export const mayUseKeys = () => saysInsecure(look, rest, sayNoAnswer);

function sayNoAnswer() {
  setText(byId("loading-notice"), NO_ANSWER);
  byId("loading-late").hidden = true;
}

const rest = () => new Promise((resolve) => setTimeout(resolve, AGAIN_MS));

const look = () => fetch(new URL("connect.json", document.baseURI),
  { cache: "no-store", signal: AbortSignal.timeout(PATIENCE_MS) });

/**
 * Ask the server whether it was started for a network without encryption. No answer is no "no": it is asked again.
 *
 * @param {() => Promise<Response>} ask
 * @param {() => Promise<unknown>} wait
 * @param {() => void} onSilence
 */
export async function saysInsecure(ask, wait, onSilence) {
  for (;;) {
    const text = await answerTo(ask);
    if (text !== undefined) return isInsecure(text);
    onSilence();
    await wait();
  }
}

/**
 * What the server says; nothing, if it does not come to that.
 *
 * @param {() => Promise<Response>} ask
 */
async function answerTo(ask) {
  try {
    const answer = await ask();
    if (answer.status >= 500 || NOT_NOW.has(answer.status)) return undefined;
    return answer.ok ? await answer.text() : "";
  } catch {
    return undefined;
  }
}

/** @param {string} text */
function isInsecure(text) {
  try {
    return JSON.parse(text).insecure === true;
  } catch {
    return false;
  }
}
