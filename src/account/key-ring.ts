/**
 * Seals what the account must get back as it was: the customer's own key. AES-256-GCM under a key derived from one of the
 * deployment's secrets, with the account and that secret's name bound in: so what is sealed opens nowhere else, nor under
 * another name, nor with a byte changed. The name is derived from the secret too, so secrets may be listed in any order.
 */
import { fromHex, toHex } from './hex.ts'

const MIN_SECRET_LENGTH = 32
/** What AES-GCM is made for; a fresh one each time, and a key is put a few times in its life. */
const NONCE_BYTES = 12
const NAME_BYTES = 8

export interface Sealed {
  /** The name of the secret. */
  readonly secret: string
  readonly sealed: string
  /** The same text under the same secret has the same mark, and nobody without the secret can tell of which text. */
  readonly mark: string
}

export type Unsealed =
  | { readonly ok: true; readonly text: string }
  | { readonly ok: false; readonly why: 'unlisted_secret' | 'damaged' }

/** The secrets of the deployment, newest first. Throws an error that names the variable, never its value. */
export function byokSecretsOf(env: Env): readonly string[] {
  // Bound by hand, it may be missing whatever its type says.
  const secrets = ((env.BYOK_SECRETS as string | undefined) ?? '').split(',').map((secret) => secret.trim())
  if (secrets.some((secret) => secret.length < MIN_SECRET_LENGTH)) {
    throw new Error(`BYOK_SECRETS has a member of fewer than ${MIN_SECRET_LENGTH} characters`)
  }
  return secrets
}

export class KeyRing {
  readonly #members: readonly Member[]
  readonly #newest: Member

  private constructor(newest: Member, members: readonly Member[]) {
    this.#newest = newest
    this.#members = members
  }

  /** Of secrets, newest first: the first seals, all open. */
  static async of(secrets: readonly string[]): Promise<KeyRing> {
    const members = await Promise.all(secrets.map(memberOf))
    const [newest] = members
    if (newest === undefined) throw new Error('no secret to seal with')
    return new KeyRing(newest, members)
  }

  /** Whether a secret of that name is the newest, an older one, or none of ours. */
  ageOf(secret: string): 'newest' | 'older' | 'unlisted' {
    if (secret === this.#newest.name) return 'newest'
    return this.#find(secret) === undefined ? 'unlisted' : 'older'
  }

  async seal(account: string, text: string): Promise<Sealed> {
    const { name, sealing } = this.#newest
    const nonce = crypto.getRandomValues(new Uint8Array(NONCE_BYTES))
    const algorithm = { name: 'AES-GCM', iv: nonce, additionalData: boundTo(account, name) }
    const ciphertext = new Uint8Array(await crypto.subtle.encrypt(algorithm, sealing, encoder.encode(text)))
    return { secret: name, sealed: toHex(nonce) + toHex(ciphertext), mark: await markOf(this.#newest, account, text) }
  }

  async open(account: string, { secret, sealed }: Pick<Sealed, 'secret' | 'sealed'>): Promise<Unsealed> {
    const member = this.#find(secret)
    if (member === undefined) return { ok: false, why: 'unlisted_secret' }
    const bytes = fromHex(sealed)
    if (bytes === null || bytes.byteLength <= NONCE_BYTES) return { ok: false, why: 'damaged' }
    const iv = bytes.subarray(0, NONCE_BYTES)
    const algorithm = { name: 'AES-GCM', iv, additionalData: boundTo(account, secret) }
    try {
      const text = await crypto.subtle.decrypt(algorithm, member.sealing, bytes.subarray(NONCE_BYTES))
      return { ok: true, text: new TextDecoder().decode(text) }
    } catch {
      // Its tag does not fit: cut, changed, or sealed for another account or under another name.
      return { ok: false, why: 'damaged' }
    }
  }

  /** The mark that this text has under each secret, by the secret's name. */
  async marks(account: string, text: string): Promise<ReadonlyMap<string, string>> {
    const marks = this.#members.map(async (member) => [member.name, await markOf(member, account, text)] as const)
    return new Map(await Promise.all(marks))
  }

  #find(secret: string): Member | undefined {
    return this.#members.find(({ name }) => name === secret)
  }
}

interface Member {
  readonly name: string
  readonly sealing: CryptoKey
  readonly marking: CryptoKey
}

const encoder = new TextEncoder()

/** Derived once per secret. */
const members = new Map<string, Promise<Member>>()

function memberOf(secret: string): Promise<Member> {
  const known = members.get(secret)
  if (known !== undefined) return known
  const derived = derive(secret)
  members.set(secret, derived)
  return derived
}

/** For each purpose a key of its own: what is known of one says nothing of another, nor of the secret. */
async function derive(secret: string): Promise<Member> {
  const root = await crypto.subtle.importKey('raw', encoder.encode(secret), 'HKDF', false, ['deriveKey', 'deriveBits'])
  const [name, sealing, marking] = await Promise.all([
    crypto.subtle.deriveBits(hkdf('name'), root, NAME_BYTES * 8),
    crypto.subtle.deriveKey(hkdf('seal'), root, { name: 'AES-GCM', length: 256 }, false, ['encrypt', 'decrypt']),
    crypto.subtle.deriveKey(hkdf('mark'), root, { name: 'HMAC', hash: 'SHA-256', length: 256 }, false, ['sign']),
  ])
  return { name: toHex(new Uint8Array(name)), sealing, marking }
}

function hkdf(purpose: 'name' | 'seal' | 'mark') {
  return {
    name: 'HKDF',
    hash: 'SHA-256',
    salt: new Uint8Array(),
    info: encoder.encode(`assay-credits byok ${purpose}`),
  }
}

/** Neither an account's id nor a name has a space in it, so no two pairs read the same. */
function boundTo(account: string, secret: string): Uint8Array {
  return encoder.encode(`assay-credits byok ${account} ${secret}`)
}

async function markOf({ marking }: Member, account: string, text: string): Promise<string> {
  return toHex(new Uint8Array(await crypto.subtle.sign('HMAC', marking, encoder.encode(`${account} ${text}`))))
}
