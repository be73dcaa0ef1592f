/** `assay-credits/client/node`: what only Node has. */
export { FileJournal } from './file-journal.ts'
