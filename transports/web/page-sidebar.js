/**
 * The list of our rooms, with what is unread in them, and who is in the one that is open.
 *
 * In a narrow window the list lies over the room. What is behind it can be neither reached nor read out, Esc and a tap
 * beside it close it, and focus goes back to where it was.
 *
 * @module
 */

import { fold } from "./client-frames.js";
import { byId, hueOf, make, nickOf, setText } from "./page-elements.js";

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
  drawMenu(rooms.filter((room) => room !== active && room.unread > 0).length);
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
  button.classList.toggle("unread", room.unread > 0);
  setText(name, room.label);
  badge.hidden = room.unread === 0;
  badge.classList.toggle("mention", room.mentions > 0);
  setText(badge, room.mentions > 0 ? `${room.unread} @` : String(room.unread));
  const mentions = room.mentions > 0 ? `, ${room.mentions} mention you` : "";
  badge.setAttribute("aria-label", `${room.unread} unread${mentions}`);
  badge.setAttribute("role", "img");
}

/** @param {number} unread other rooms in which something is unread */
function drawMenu(unread) {
  const words = unread === 0 ? "Rooms" : unread === 1 ? "Rooms, 1 of them unread" : `Rooms, ${unread} of them unread`;
  byId("menu").classList.toggle("unread", unread > 0);
  byId("menu").setAttribute("aria-label", words);
}

/**
 * Draw who we are, and where.
 *
 * @param {string} nick
 */
export function drawMe(nick) {
  setText(byId("server"), location.host);
  setText(byId("me-nick"), nick);
  byId("me-nick").className = `nick ${hueOf(nick)}`;
}

/**
 * Show the list of rooms in a narrow window, or hide it.
 *
 * @param {boolean} [shown]
 */
export function toggleRooms(shown) {
  const chat = byId("chat");
  const wasOpen = chat.classList.contains("with-rooms");
  const isOpen = chat.classList.toggle("with-rooms", shown);
  if (isOpen === wasOpen) return;
  byId("menu").setAttribute("aria-expanded", String(isOpen));
  byId("room").inert = isOpen;
  byId(isOpen ? "menu-close" : "menu").focus({ preventScroll: true });
  chat.onkeydown = isOpen ? closeByKey : null;
  chat.onclick = isOpen ? closeBeside : null;
  narrow.onchange = () => toggleRooms(false);
}

const narrow = matchMedia("(max-width: 640px)");

/** @param {KeyboardEvent} event */
function closeByKey(event) {
  if (event.key !== "Escape") return;
  event.stopPropagation();
  toggleRooms(false);
}

/** @param {MouseEvent} event */
function closeBeside(event) {
  if (event.target === event.currentTarget) toggleRooms(false);
}

/** Show who is here, or hide it; returns whether it is shown. */
export function togglePeople() {
  byId("people").hidden = !byId("people").hidden;
  byId("people-button").setAttribute("aria-expanded", String(!byId("people").hidden));
  return !byId("people").hidden;
}

/**
 * The nicks that are listed, and what is said of the rest.
 *
 * @param {Set<string>} here
 * @param {string} wanted what they have in them, folded
 */
export function listed(here, wanted) {
  const found = [...here].filter((nick) => fold(nick).includes(wanted));
  const nicks = found.sort((one, other) => (fold(one) < fold(other) ? -1 : 1)).slice(0, MOST_SHOWN);
  return { nicks, more: found.length > nicks.length ? [`and ${found.length - nicks.length} more`] : [] };
}

/** @param {Room | undefined} room */
export function drawPeople(room) {
  setText(byId("count"), String(room?.count ?? 0));
  if (byId("people").hidden) return;
  const here = room?.nicks ?? /** @type {Set<string>} */ (new Set());
  const filter = byId("people-filter");
  filter.hidden = here.size <= MOST_SHOWN && filter.value === "";
  const { nicks, more } = listed(here, fold(filter.value.trim()));
  const list = byId("nicks");
  if ([...list.children].map((item) => item.textContent).join(" ") === [...nicks, ...more].join(" ")) return;
  list.replaceChildren(...[...nicks.map(nickOf), ...more].map((each) => make("li", {}, each)));
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
