/**
 * The page: opens the chat with what this browser has kept, or asks for a nick.
 *
 * @module
 */

import { Access, mayUseKeys, onInvite, takeInvite } from "./page-access.js";
import { App } from "./page-app.js";
import { askNick, isBan, showNotice, wordsFor } from "./page-door.js";
import { byId } from "./page-elements.js";
import { Store } from "./page-store.js";

const RETRIED = new Set(["nick_taken", "bad_name", "forbidden", "unauthorized"]); // refusals that another name may end

const server = new URL(".", document.baseURI).href;
const store = new Store(server);

/** @type {App | undefined} */
let app;

/** @param {Access} access */
function open(access) {
  const words = access.accept(takeInvite());
  onInvite((later) => receive(access, later));
  const { nick, session, account } = store.device;
  if (nick && session && (words === "" || account !== undefined)) start(access, nick, words);
  else enter(access, words);
  byId("loading").remove();
}

/**
 * Take the invite of a link that was opened in this window. The page begins again with it; what is unsent is kept. Where
 * that would lose its key or the invite, the door has to ask first.
 *
 * @param {Access} access
 * @param {string} later
 */
function receive(access, later) {
  const { device } = store;
  const words = access.accept(later);
  const isTaken = access.proofs.invite === later;
  if (isTaken && store.keepsDevice) return location.reload();
  if (!app) return enter(access, words);
  if (!isTaken) return app.say(words);
  store.keepDevice(device);
  return app.say("Your invite was not used. Open its link in another window.");
}

/**
 * @param {Access} access
 * @param {any} error what has ended a chat
 */
function leave(access, error) {
  app = undefined;
  if (error.name === "ClosedError") return undefined;
  const hadInvite = access.proofs.invite !== undefined;
  if (access.fail(error.code)) return store.losesKey ? enter(access, "") : start(access, store.device.nick ?? "", "");
  const stays = hadInvite ? access.stays(error) : undefined;
  if (stays) return showNotice(stays.words, `Go on as ${stays.nick}`, () => location.reload());
  const isAboutName = RETRIED.has(error.code) && !isBan(error) && (error.code !== "forbidden" || !access.isItself);
  const words = access.wordsFor(error.code, hadInvite) ?? wordsFor(error, isAboutName);
  if (isAboutName) return void enter(access, words);
  const label = error.reason === "taken_over" ? "Use it here" : "Reload";
  return showNotice(words, label, () => location.reload());
}

/**
 * @param {Access} access
 * @param {string} words
 */
async function enter(access, words) {
  if (store.losesKey && access.proofs.invite) words = (await import("./page-unkept.js")).warn(store, words);
  start(access, await askNick(store.device.nick ?? "", words), "");
}

/**
 * @param {Access} access
 * @param {string} nick
 * @param {string} words what to say first
 */
function start(access, nick, words) {
  const { session, account, ...device } = store.device;
  const isSame = device.nick?.toLowerCase() === nick.toLowerCase();
  store.keepDevice(isSame ? { ...device, session, account, nick } : { ...device, account, nick });
  try {
    app = new App(server, store, access, (error) => leave(access, error));
    if (words) app.say(words);
  } catch (error) {
    enter(access, error instanceof Error ? error.message : String(error));
  }
}

addEventListener("beforeunload", (event) => {
  if (store.holdsLines || (store.losesKey && (app || store.device.key))) event.preventDefault();
});
const isWhole = !document.documentElement.classList.contains("broken"); // else it offers to be loaded again
if (isWhole) mayUseKeys().then(async (isAllowed) => {
  try {
    localStorage.setItem("chatcore probe", "x".repeat(512)); // more than a device takes
    localStorage.removeItem("chatcore probe");
  } catch {
    await import("./page-unkept.js"); // before the invite is taken: if it does not come, that stays
  }
  open(new Access(store, { isAllowed, isOpen: !isSecureContext }));
});
