/**
 * The list of our rooms, with what is unread in them, and who is in the one that is open.
 *
 * @module
 */

import { byId, make, setText } from "./page-elements.js";

/** @typedef {import("./page-room.js").Room} Room */

const MOST_SHOWN = 500; // nicks of those who are here

/**
 * @param {Room[]} rooms
 * @param {Room | undefined} active
 * @param {(room: Room) => void} open
 */
export function drawRooms(rooms, active, open) {
  const list = byId("rooms");
  while (list.children.length > rooms.length) list.lastElementChild.remove();
  rooms.forEach((room, index) => {
    const item = list.children[index] ?? list.appendChild(make("li", {}, make("button", { type: "button" },
      make("bdi", { class: "name" }), make("span", { class: "badge" }))));
    drawRoom(item.firstElementChild, room, room === active, open);
  });
}

/**
 * @param {any} button
 * @param {Room} room
 * @param {boolean} isActive
 * @param {(room: Room) => void} open
 */
function drawRoom(button, room, isActive, open) {
  const [name, badge] = button.children;
  button.onclick = () => open(room);
  if (isActive) button.setAttribute("aria-current", "true");
  else button.removeAttribute("aria-current");
  setText(name, `#${room.name}`);
  badge.hidden = room.unread === 0;
  badge.classList.toggle("mention", room.mentions > 0);
  setText(badge, room.mentions > 0 ? `${room.unread} @` : String(room.unread));
  const mentions = room.mentions > 0 ? `, ${room.mentions} mention you` : "";
  badge.setAttribute("aria-label", `${room.unread} unread${mentions}`);
  badge.setAttribute("role", "img");
}

/**
 * Show the list of rooms in a narrow window, or hide it.
 *
 * @param {boolean} [shown]
 */
export function toggleRooms(shown) {
  const isOpen = byId("chat").classList.toggle("with-rooms", shown);
  byId("menu").setAttribute("aria-expanded", String(isOpen));
}

/** Show who is here, or hide it; returns whether it is shown. */
export function togglePeople() {
  byId("people").hidden = !byId("people").hidden;
  byId("people-button").setAttribute("aria-expanded", String(!byId("people").hidden));
  return !byId("people").hidden;
}

/** @param {Room | undefined} room */
export function drawPeople(room) {
  setText(byId("people-button"), `${room?.count ?? 0} here`);
  if (byId("people").hidden) return;
  const all = [...(room?.nicks ?? [])].sort();
  const nicks = all.slice(0, MOST_SHOWN);
  if (all.length > nicks.length) nicks.push(`and ${all.length - nicks.length} more`);
  const list = byId("nicks");
  if ([...list.children].map((item) => item.textContent).join(" ") === nicks.join(" ")) return;
  list.replaceChildren(...nicks.map((nick) => make("li", {}, make("bdi", {}, nick))));
}

/**
 * The title of the window: what is unread, mentions first.
 *
 * @param {Room[]} rooms
 * @param {Room | undefined} active
 */
export function drawTitle(rooms, active) {
  const unread = rooms.reduce((sum, room) => sum + room.unread, 0);
  const mentions = rooms.reduce((sum, room) => sum + room.mentions, 0);
  const count = mentions ? `(${mentions}@ ${unread}) ` : unread ? `(${unread}) ` : "";
  const title = `${count}${active ? `#${active.name}` : "chat"}`;
  if (document.title !== title) document.title = title;
}
