/**
 * A keep-alive HTTP/1.1 connection with one request under way at a time. Little more than a socket, because the load
 * shares the machine with what it measures: a common client costs as much as the Worker that it asks.
 */
import { connect, type Socket } from 'node:net'

const END_OF_HEAD = '\r\n\r\n'
const CONTENT_LENGTH = /\r\ncontent-length: *(\d+)/i
/** `HTTP/1.1 201` */
const STATUS_AT = 9

export class Connection {
  readonly #socket: Socket
  #received = ''
  #answered: ((status: number) => void) | null = null
  #failed: ((error: Error) => void) | null = null

  private constructor(socket: Socket) {
    this.#socket = socket
    socket.setNoDelay(true)
    // One byte is one character, as Content-Length counts them.
    socket.setEncoding('latin1')
    socket.on('data', (text: string) => this.#receive(text))
    socket.on('error', (error) => this.#fail(error))
    socket.on('close', () => this.#fail(new Error('the connection was closed before the answer')))
  }

  static open(host: string, port: number): Promise<Connection> {
    return new Promise((resolve, reject) => {
      const socket = connect({ host, port })
      socket.once('error', reject)
      socket.once('connect', () => resolve(new Connection(socket)))
    })
  }

  /** Sends a whole request; resolves to the answer's status once all of the answer is here. */
  send(request: string): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#answered = resolve
      this.#failed = reject
      this.#socket.write(request, 'latin1')
    })
  }

  close(): void {
    this.#failed = null
    this.#socket.destroy()
  }

  #receive(text: string): void {
    this.#received += text
    const head = this.#received.indexOf(END_OF_HEAD)
    if (head === -1) return
    const length = CONTENT_LENGTH.exec(this.#received.slice(0, head))?.[1]
    if (length === undefined) {
      this.#fail(new Error('an answer without Content-Length'))
      return
    }
    if (this.#received.length < head + END_OF_HEAD.length + Number(length)) return
    const status = Number(this.#received.slice(STATUS_AT, STATUS_AT + 3))
    this.#received = ''
    this.#answered?.(status)
  }

  #fail(error: Error): void {
    this.#failed?.(error)
  }
}

/** Where to ask, and as whom. */
export interface Target {
  readonly host: string
  readonly port: number
  readonly key: string
}

/** A whole request, as it goes over the wire. `body` is ASCII. */
export function requestOf({ host, port, key }: Target, method: string, path: string, body: string): string {
  return [
    `${method} ${path} HTTP/1.1`,
    `Host: ${host}:${port}`,
    `Authorization: Bearer ${key}`,
    'Content-Type: application/json',
    `Content-Length: ${body.length}`,
    '',
    body,
  ].join('\r\n')
}
