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

const ENDINGS = /** @type {Record<string, string>} */ ({
  taken_over: "This chat is open in another window.",
  revoked: "The key of this device is no longer valid: it was revoked, or your account was removed.",
  protocol: "The server and this page do not understand each other. Reload the page; it may be of an older version.",
  nick_taken: "Somebody else has this name. Choose another one.",
});

const UNITS = /** @type {[number, string][]} */ ([[86_400, "day"], [3_600, "hour"], [60, "minute"]]);

/**
 * How long something takes, in words.
 *
 * @param {number} seconds
 */
export function wordsForTime(seconds) {
  const [size, unit] = UNITS.find(([each]) => seconds > 1.5 * each) ?? [60, "minute"];
  const count = Math.max(Math.round(seconds / size), 1);
  return `${count} ${unit}${count === 1 ? "" : "s"}`;
}

/**
 * Tell whether somebody was put out of the server, so that no other name lets them in. Without a time that is left, the
 * refusal of somebody who is banned looks like any other one, and what the server says of it is shown.
 *
 * @param {any} error what has ended a chat
 */
export const isBan = ({ reason, code, retryAfter }) => reason === "banned" || (code === "forbidden" && retryAfter !== undefined);

/**
 * Why a chat is over, in words.
 *
 * @param {any} error
 * @param {boolean} isAboutName whether another name may help
 */
export function wordsFor(error, isAboutName) {
  const { reason, code, message, retryAfter } = error;
  if (isBan(error)) return `You are banned from this server${retryAfter ? `, for about ${wordsForTime(retryAfter)}` : ""}.`;
  if (code === "forbidden" || code === "bad_name")
    return `The server says: ${message}.${isAboutName ? " Choose another name." : ""}`;
  return ENDINGS[reason ?? code] ?? message;
}
