/**
 * A WebSocket that is opened again whenever it is lost, after growing pauses. Whether it still lives is asked by `ping`,
 * which the runtime answers without waking anybody: a network that went away closes nothing.
 */

const FIRST_PAUSE_MS = 1_000
const LONGEST_PAUSE_MS = 30_000
/** Proxies close what is silent for a minute. */
const PING_EVERY_MS = 20_000
const ANSWER_WITHIN_MS = 10_000
/** The code with which a connection is closed whose session was ended. */
const ENDED = 4401

/**
 * @typedef {object} Listener
 * @property {(text: string) => void} message
 * @property {() => void} lost
 * @property {() => void} ended
 */

export class Connection {
  /** @type {URL} */
  #url
  /** @type {Listener} */
  #listener
  /** @type {WebSocket | null} */
  #socket = null
  #isOver = false
  #failures = 0
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #retry
  /** One of two: when to ask, or until when there must be an answer. */
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #watch

  /**
   * @param {string} path
   * @param {Listener} listener
   */
  constructor(path, listener) {
    this.#url = new URL(path, location.href)
    this.#url.protocol = location.protocol === 'https:' ? 'wss:' : 'ws:'
    this.#listener = listener
    window.addEventListener('offline', () => this.#lose())
    window.addEventListener('online', () => this.#open())
    this.#open()
  }

  /** For ever: nobody is let in any more. */
  end() {
    if (this.#isOver) return
    this.#isOver = true
    this.#drop()
    this.#listener.ended()
  }

  #open() {
    clearTimeout(this.#retry)
    if (this.#isOver || this.#socket !== null) return
    const socket = new WebSocket(this.#url)
    this.#socket = socket
    // One that hangs while it is opened is lost too.
    this.#expectAnswer()
    socket.addEventListener('message', ({ data }) => {
      if (this.#socket === socket) this.#hear(data)
    })
    socket.addEventListener('close', ({ code }) => {
      if (this.#socket !== socket) return
      if (code === ENDED) this.end()
      else this.#lose()
    })
  }

  /** @param {string} text */
  #hear(text) {
    this.#failures = 0
    clearTimeout(this.#watch)
    this.#watch = setTimeout(() => {
      this.#socket?.send('ping')
      this.#expectAnswer()
    }, PING_EVERY_MS)
    if (text !== 'pong') this.#listener.message(text)
  }

  #expectAnswer() {
    clearTimeout(this.#watch)
    this.#watch = setTimeout(() => this.#lose(), ANSWER_WITHIN_MS)
  }

  #lose() {
    if (this.#isOver) return
    this.#drop()
    // Not everybody in the same moment, when it was the server that went away.
    const pause = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** this.#failures) * (0.5 + Math.random() / 2)
    this.#failures += 1
    this.#retry = setTimeout(() => this.#open(), pause)
    this.#listener.lost()
  }

  #drop() {
    const socket = this.#socket
    this.#socket = null
    clearTimeout(this.#watch)
    clearTimeout(this.#retry)
    socket?.close()
  }
}
