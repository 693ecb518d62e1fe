/**
 * The page: opens the chat with what this browser has kept, or asks for a nick.
 *
 * @module
 */

import { invite } from "./page-invite.js";
import { newKey } from "./client-frames.js";
import { App } from "./page-app.js";
import { askNick, showNotice, wordsFor } from "./page-door.js";
import { Store } from "./page-store.js";

const RETRIED = new Set(["nick_taken", "bad_name", "forbidden", "unauthorized"]); // refusals that another name may end

const server = new URL(".", document.baseURI).href;
const store = new Store(server);

/** Make a key for an invite, and keep both before anything is sent; returns what its user should know. */
function acceptInvite() {
  if (invite === undefined) return "";
  if (!isSecureContext)
    return "Your invite was not used: this page is not encrypted, so others could read your key. Ask for https://.";
  const { key = newKey(), ...device } = store.device;
  store.keepDevice({ ...device, key, invite });
  return "This browser has made a key of its own for your invite. Choose your name.";
}

/** @param {any} error what has ended a chat */
function leave(error) {
  if (error.code === "unauthorized") dropInvite();
  if (RETRIED.has(error.code)) return void enter(wordsFor(error));
  if (error.name === "ClosedError") return undefined;
  const label = error.reason === "taken_over" ? "Use it here" : "Reload";
  return showNotice(wordsFor(error), label, () => location.reload());
}

/** Forget an invite that was not accepted. */
function dropInvite() {
  const { invite: _, ...device } = store.device;
  store.keepDevice(device);
}

/** @param {string} words */
async function enter(words) {
  const { nick = "" } = store.device;
  start(await askNick(nick, words));
}

/** @param {string} nick */
function start(nick) {
  const { session, account, ...device } = store.device;
  const isSame = device.nick?.toLowerCase() === nick.toLowerCase();
  store.keepDevice(isSame ? { ...device, session, account, nick } : { ...device, account, nick });
  try {
    new App(server, store, leave);
  } catch (error) {
    enter(error instanceof Error ? error.message : String(error));
  }
}

const words = acceptInvite();
if (words === "" && store.device.nick && store.device.session) start(store.device.nick);
else enter(words);
