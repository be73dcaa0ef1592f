/**
 * A runner as a process of its own, which a test kills: it delivers what it finds in its journal, and then, if it is told
 * a reservation, does that review, whose work is done at once.
 */
import { AssayCredits } from '../../src/client/index.ts'
import { FileJournal } from '../../src/client/node/index.ts'

const [url = '', key = '', file = '', reservation] = process.argv.slice(2)
const journal = await FileJournal.open(file)
const assay = new AssayCredits({ url, key, journal })
console.log(`resumed ${await assay.resume()}`)
if (reservation !== undefined) {
  const work = async () => ({ cost_usd: '0.125' })
  await assay.account('runner').withReservation({ credits: 20 }, work, { id: reservation })
}
await assay.drain()
console.log(`left ${journal.pending().length}`)
