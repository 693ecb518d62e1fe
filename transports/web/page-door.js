/**
 * What stands before the chat: who are you, and what is to be said when it is over.
 *
 * @module
 */

import { byId, setText } from "./page-elements.js";

/**
 * Ask for a nick.
 *
 * @param {string} nick what is proposed
 * @param {string} words why it is asked again, if it is
 * @returns {Promise<string>}
 */
export function askNick(nick, words) {
  byId("chat").hidden = true;
  byId("door").hidden = false;
  byId("door-notice").hidden = words === "";
  setText(byId("door-notice"), words);
  byId("door-nick").value = nick;
  byId("door-nick").focus();
  return new Promise((resolve) => {
    byId("door-form").onsubmit = (/** @type {Event} */ event) => {
      event.preventDefault();
      byId("door").hidden = true;
      resolve(byId("door-nick").value.trim());
    };
  });
}

/**
 * Say what has ended the chat, and do what the button says.
 *
 * @param {string} words
 * @param {string} label
 * @param {() => void} action
 */
export function showNotice(words, label, action) {
  const dialog = byId("notice");
  setText(byId("notice-text"), words);
  setText(byId("notice-button"), label);
  dialog.addEventListener("cancel", (/** @type {Event} */ event) => event.preventDefault());
  dialog.addEventListener("close", action, { once: true });
  if (!dialog.open) dialog.showModal();
}

/**
 * What a moderator has done to us, in words.
 *
 * @param {import("../../docs/protocol.js").Moderated} moderated
 */
export function wordsForModerated({ act, room }) {
  const where = room === undefined ? "on this server" : `in #${room}`;
  if (act === "mute") return `You may read, but not write ${where}.`;
  if (act === "lift") return `You may write again ${where}.`;
  return `${act} ${where}`;
}

const ENDINGS = /** @type {Record<string, string>} */ ({
  taken_over: "This chat is open in another window.",
  banned: "You are banned from this server.",
  revoked: "The key of this device is no longer valid.",
  protocol: "The server and this page do not understand each other. Reload the page; it may be of an older version.",
  nick_taken: "Somebody else has this name. Choose another one.",
  bad_name: "This name is not allowed here. Choose another one.",
  unauthorized: "This server lets in only who has an invite, and each invite only once. Open the link that you were sent.",
  forbidden: "This name belongs to somebody. Choose another one.",
});

/**
 * Why a chat is over, in words.
 *
 * @param {any} error
 */
export function wordsFor(error) {
  return ENDINGS[error.reason ?? error.code] ?? error.message;
}
