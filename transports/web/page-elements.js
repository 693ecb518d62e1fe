/**
 * Elements, made without a line of HTML: whatever a text says, it stays a text.
 *
 * @module
 */

/**
 * An element of the page; it is there.
 *
 * @param {string} id
 * @returns {any}
 */
export const byId = (id) => document.getElementById(id);

/**
 * Make an element. Strings among its children become text.
 *
 * @param {string} tag
 * @param {Record<string, any>} [properties] of the element; `class` and names with a dash are attributes
 * @param {...(Node | string)} children
 * @returns {any}
 */
export function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name === "class" || name.includes("-")) element.setAttribute(name, value);
    else Reflect.set(element, name, value);
  }
  element.append(...children);
  return element;
}

/**
 * A button.
 *
 * @param {string} label
 * @param {() => void} onclick
 */
export const button = (label, onclick) => make("button", { type: "button", onclick }, label);

/**
 * A nick in its colour.
 *
 * @param {string} nick
 */
export const nickOf = (nick) => make("bdi", { class: `nick ${hueOf(nick)}` }, nick);

const HUES = 8; // in the style sheet

/**
 * The class that has the colour of a nick, the same everywhere.
 *
 * @param {string} nick
 */
export function hueOf(nick) {
  let hash = 0;
  for (const character of nick.toLowerCase()) hash = (hash * 31 + character.charCodeAt(0)) >>> 0;
  return `c${hash % HUES}`;
}

/**
 * Set a text, unless it is that: a status that is set is read out again.
 *
 * @param {HTMLElement} element
 * @param {string} text
 */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}
