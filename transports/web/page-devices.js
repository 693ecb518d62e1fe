/**
 * One more device of our account: a link that is opened there.
 *
 * @module
 */

import { byId } from "./page-elements.js";

/**
 * Ask for an invite, and show it as a link to this page; fails with the server's refusal.
 *
 * @param {import("./client.js").Chat} chat
 */
export async function addDevice(chat) {
  const { invite } = await chat.inviteDevice();
  if (invite !== undefined) show(new URL(`#${invite}`, document.baseURI).href);
}

/** @param {string} link a secret */
function show(link) {
  byId("link-text").value = link;
  byId("link-copy").hidden = navigator.clipboard === undefined; // it is there on encrypted pages only
  byId("link-copy").onclick = () => navigator.clipboard.writeText(link);
  byId("link").onclose = () => (byId("link-text").value = "");
  byId("link").showModal();
  byId("link-text").select();
}

