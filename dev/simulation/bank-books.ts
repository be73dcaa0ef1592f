/**
 * The double's books, kept in memory for one seed after the other: SQLite under them would be half of the whole run. They
 * tell of each object once it is written for good.
 */
import { Books, type Kind, type Kinds, type Notes } from '../stripe/books.ts'

export type Written = Kinds[Kind]
type Shelf = keyof Notes

export class BankBooks extends Books {
  readonly #told: (object: Written) => void
  /** By id; and the ids of each kind in the order in which they were first put. */
  readonly #objects = new Map<string, Written>()
  readonly #kinds = new Map<string, string[]>()
  readonly #notes = new Map<Shelf, Map<string, Notes[Shelf]>>()
  /** How to undo what the open transactions have written, the oldest first; and what there is to tell then. */
  #undo: (() => void)[] = []
  #written: Written[] = []
  #depth = 0

  constructor(told: (object: Written) => void) {
    super()
    this.#told = told
  }

  /** Empty books. Making a double anew would compile all its schemas again. */
  startAgain(): void {
    for (const map of [this.#objects, this.#kinds, this.#notes]) map.clear()
  }

  override transaction<T>(work: () => T): T {
    const [undoFrom, writtenFrom] = [this.#undo.length, this.#written.length]
    this.#depth += 1
    try {
      return work()
    } catch (error) {
      for (const undo of this.#undo.splice(undoFrom).reverse()) undo()
      this.#written.length = writtenFrom
      throw error
    } finally {
      this.#depth -= 1
      if (this.#depth === 0) this.#commit()
    }
  }

  override put(object: Written): void {
    const { id, object: kind } = object
    const before = this.#objects.get(id)
    // As it would be read from a file: nobody changes it by holding on to it.
    this.#objects.set(id, Object.freeze(JSON.parse(JSON.stringify(object)) as Written))
    if (before === undefined) this.#idsOf(kind).push(id)
    this.#undo.push(() => {
      if (before !== undefined) this.#objects.set(id, before)
      else this.remove(id)
    })
    this.#written.push(object)
    if (this.#depth === 0) this.#commit()
  }

  override get<K extends Kind>(kind: K, id: string): Kinds[K] | undefined {
    const found = this.#objects.get(id)
    return found?.object === kind ? (found as Kinds[K]) : undefined
  }

  override find(id: string): Written | undefined {
    return this.#objects.get(id)
  }

  /** For good, also within a transaction: the double takes nothing away that it may have to bring back. */
  override remove(id: string): void {
    const found = this.#objects.get(id)
    if (found === undefined) return
    this.#objects.delete(id)
    const ids = this.#idsOf(found.object)
    ids.splice(ids.lastIndexOf(id), 1)
  }

  override *newestFirst<K extends Kind>(kind: K): Generator<Kinds[K]> {
    for (const id of this.#idsOf(kind).toReversed()) {
      const found = this.get(kind, id)
      if (found !== undefined) yield found
    }
  }

  override note<S extends Shelf>(shelf: S, id: string): Notes[S] | undefined {
    return this.#shelf(shelf).get(id)
  }

  override putNote<S extends Shelf>(shelf: S, id: string, note: Notes[S]): void {
    const notes = this.#shelf(shelf)
    const before = notes.get(id)
    notes.set(id, note)
    this.#undo.push(() => (before === undefined ? notes.delete(id) : notes.set(id, before)))
    if (this.#depth === 0) this.#commit()
  }

  override removeNote(shelf: Shelf, id: string): void {
    this.#shelf(shelf).delete(id)
  }

  override notes<S extends Shelf>(shelf: S): { readonly id: string; readonly note: Notes[S] }[] {
    return Array.from(this.#shelf(shelf), ([id, note]) => ({ id, note }))
  }

  #commit(): void {
    const written = this.#written
    this.#undo = []
    this.#written = []
    for (const object of written) this.#told(object)
  }

  #idsOf(kind: string): string[] {
    const ids = this.#kinds.get(kind) ?? []
    this.#kinds.set(kind, ids)
    return ids
  }

  #shelf<S extends Shelf>(shelf: S): Map<string, Notes[S]> {
    const notes = this.#notes.get(shelf) ?? new Map<string, Notes[Shelf]>()
    this.#notes.set(shelf, notes)
    // What lies on a shelf, putNote says.
    return notes as Map<string, Notes[S]>
  }
}
