/**
 * The live dashboard: writes each balance that comes over the connection into the page, fetches the parts that have
 * words, and says when the connection is lost. Without it, the page is right at the moment it was loaded.
 */
import { Connection } from './connection.js'
import { written } from './credits.js'
import { Parts } from './parts.js'

/**
 * A balance as the API writes it.
 * @typedef {{ available: number, reserved: number, total: number }} Balance
 */

/** Whoever listens is told where it ended, not every step of a busy account. */
const SPEAK_AFTER_MS = 1_500

const card = document.getElementById('balance')
if (card !== null) start(card)

/** @param {HTMLElement} card */
function start(card) {
  const { live = '', now = '' } = card.dataset
  const parts = new Parts(now, () => connection.end())
  const speak = speaker(card)
  const connection = new Connection(live, {
    message(text) {
      say(card, 'live', 'Live: changes appear by themselves')
      /** @type {Balance} */
      const balance = JSON.parse(text)
      if (write(card, balance)) speak(balance)
      parts.soon()
    },
    lost() {
      say(card, 'lost', 'Connection lost: this may be out of date. Trying again …')
      // A WebSocket that was refused does not say why; an ordinary request does.
      parts.soon()
    },
    ended() {
      parts.end()
      say(card, 'over', 'Your session is over. Open the dashboard from Assay once more.')
    },
  })
}

/**
 * Whether anything changed.
 * @param {HTMLElement} card
 * @param {Balance} balance
 */
function write(card, balance) {
  let changed = false
  for (const figure of card.querySelectorAll('[data-figure]')) {
    if (!(figure instanceof HTMLElement)) continue
    const text = written(balance[/** @type {keyof Balance} */ (figure.dataset['figure'])])
    changed ||= figure.textContent !== text
    figure.textContent = text
  }
  return changed
}

/**
 * @param {HTMLElement} card
 * @param {'live' | 'lost' | 'over'} state
 * @param {string} words
 */
function say(card, state, words) {
  const line = card.querySelector('.connection')
  if (line === null || line.textContent === words) return
  line.textContent = words
  line.className = `connection ${state}`
}

/**
 * Tells screen readers the figures, once they rest.
 * @param {HTMLElement} card
 */
function speaker(card) {
  const line = card.querySelector('[data-spoken]')
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer
  return (/** @type {Balance} */ { available, reserved, total }) => {
    clearTimeout(timer)
    timer = setTimeout(() => {
      if (line === null) return
      line.textContent = `Available ${written(available)}, reserved ${written(reserved)}, total ${written(total)}`
    }, SPEAK_AFTER_MS)
  }
}
