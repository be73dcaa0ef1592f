/**
 * The parts of the page that have words: fetched from the server, which alone writes words, and put in the place of what
 * stands there. Each part has `data-part` and an id.
 */

/** A busy account changes many times in a second; nobody reads that fast. */
const AT_MOST_EVERY_MS = 1_000
/** History trails by about two seconds: what was used this month, and the charts, are asked for once more then. */
const AFTERWARDS_MS = 4_000
/** While changes never rest, the charts are asked for so often: thirty days are more to read than a balance. */
const CHARTS_EVERY_MS = 10_000
/** A review becomes stuck by time alone. */
const ANYWAY_MS = 60_000

export class Parts {
  #path
  #onLoggedOut
  #isOver = false
  #askedAt = 0
  #chartsAt = Date.now()
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #soon
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #later

  /**
   * @param {string} path
   * @param {() => void} onLoggedOut
   */
  constructor(path, onLoggedOut) {
    this.#path = path
    this.#onLoggedOut = onLoggedOut
    document.addEventListener('visibilitychange', () => this.soon())
    this.#again(ANYWAY_MS)
  }

  /** Something has changed. */
  soon() {
    if (this.#isOver || this.#soon !== undefined) return
    const pause = Math.max(0, this.#askedAt + AT_MOST_EVERY_MS - Date.now())
    this.#soon = setTimeout(() => this.#fetch(AFTERWARDS_MS, this.#chartsAt + CHARTS_EVERY_MS <= Date.now()), pause)
  }

  end() {
    this.#isOver = true
    clearTimeout(this.#soon)
    clearTimeout(this.#later)
  }

  /** @param {number} pauseMs */
  #again(pauseMs) {
    clearTimeout(this.#later)
    this.#later = setTimeout(() => this.#fetch(ANYWAY_MS, true), pauseMs)
  }

  /**
   * @param {number} nextMs when to ask once more, if nothing changes
   * @param {boolean} withCharts
   */
  async #fetch(nextMs, withCharts) {
    this.#soon = undefined
    this.#askedAt = Date.now()
    this.#again(nextMs)
    // Whoever comes back to the page asks then.
    if (document.hidden) return
    if (withCharts) this.#chartsAt = this.#askedAt
    try {
      const response = await fetch(withCharts ? `${this.#path}?charts` : this.#path)
      if (response.status === 401) this.#onLoggedOut()
      if (response.ok) put(await response.text())
    } catch {
      // That the network is gone, the connection notices and says.
    }
  }
}

/**
 * Only what differs is replaced, so that nothing is taken from under a pointer or the keyboard without need.
 * @param {string} html
 */
function put(html) {
  const fresh = new DOMParser().parseFromString(html, 'text/html')
  // Somebody went over to another account in another tab: a page shows one account or the other, never both.
  if (accountOf(fresh) !== accountOf(document)) return location.reload()
  for (const part of fresh.querySelectorAll('[data-part]')) {
    const old = document.getElementById(part.id)
    if (old !== null && old.outerHTML !== part.outerHTML) old.replaceWith(part)
  }
  // What is drawn is drawn elsewhere.
  for (const card of fresh.querySelectorAll('[data-chart-card]')) {
    document.getElementById(card.id)?.dispatchEvent(new CustomEvent('chart', { detail: card, bubbles: true }))
  }
}

/** @param {Document} page */
function accountOf(page) {
  return page.querySelector('[data-account]')?.getAttribute('data-account')
}
