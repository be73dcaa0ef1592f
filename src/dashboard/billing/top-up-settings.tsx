/**
 * The form of auto top-up. Each pack carries its own box to agree, which names its price and the card; the style sheet
 * shows only the one of the pack that is chosen, so that nobody agrees to one thing and chooses another.
 */
import type { FC } from 'hono/jsx'
import type { AutoTopUpView } from '../../account/topping-up.ts'
import { PACKS, type Pack } from '../../catalog/packs.ts'
import { MILLICREDITS_PER_CREDIT } from '../../ledger/amounts.ts'
import type { Card } from '../../ledger/auto-top-up.ts'
import { credits, dollars } from '../format.ts'
import { consentTo, type Errors, type Typed } from './top-up-form.ts'
import { cardName } from './words.ts'

interface Props {
  readonly typed: Typed
  readonly errors: Errors
  readonly view: AutoTopUpView
  /** So that a form which is sent twice, or gone back to, switches nothing on again. */
  readonly formKey: string
}

export const TopUpSettings: FC<Props> = ({ typed, errors, view, formKey }) => {
  const { defaultCard: card = null, settings } = view
  return (
    <section class="card" aria-labelledby="settings-title">
      <h2 id="settings-title">Settings</h2>
      <form class="fields" action="/billing/auto-top-up">
        <TextField
          name="threshold"
          label="Buy when fewer credits are left than"
          value={typed.threshold}
          error={errors.threshold}
        />
        <TextField name="limit" label="Spend at most, in dollars a month" value={typed.limit} error={errors.limit} />
        <fieldset class="pack-choices" aria-describedby={errors.pack === undefined ? undefined : 'pack-error'}>
          <legend>The pack to buy</legend>
          {PACKS.map((pack) => (
            <Choice pack={pack} isChosen={pack.id === typed.pack} card={card} error={errors.consent} />
          ))}
          <FieldError name="pack" error={errors.pack} />
        </fieldset>
        {card === null ? <NoCard error={errors.consent} /> : null}
        <div class="row">
          <button type="submit" class="second">
            Preview
          </button>
          <button type="submit" name="key" value={formKey} formmethod="post">
            {settings?.enabled === true ? 'Save' : 'Switch on'}
          </button>
        </div>
      </form>
    </section>
  )
}

interface TextFieldProps {
  readonly name: 'threshold' | 'limit'
  readonly label: string
  readonly value: string
  readonly error: string | undefined
}

const TextField: FC<TextFieldProps> = ({ name, label, value, error }) => (
  <div>
    <label>
      {label}
      <input
        class="typed"
        name={name}
        value={value}
        inputmode="decimal"
        autocomplete="off"
        aria-invalid={error === undefined ? undefined : 'true'}
        aria-describedby={error === undefined ? undefined : `${name}-error`}
      />
    </label>
    <FieldError name={name} error={error} />
  </div>
)

const FieldError: FC<{ name: string; error: string | undefined }> = ({ name, error }) =>
  error === undefined ? null : (
    <p class="field-error" id={`${name}-error`} role="alert">
      {error}
    </p>
  )

interface ChoiceProps {
  readonly pack: Pack
  readonly isChosen: boolean
  readonly card: Card | null
  readonly error: string | undefined
}

const Choice: FC<ChoiceProps> = ({ pack, isChosen, card, error }) => (
  <div class={isChosen ? 'pack-choice chosen' : 'pack-choice'}>
    <label class="check">
      <input type="radio" name="pack" value={pack.id} checked={isChosen} />
      <span class="offer">
        <span>
          {pack.name} <span class="soft">{credits(pack.credits * MILLICREDITS_PER_CREDIT)} credits</span>
        </span>
        <span>{dollars(pack.priceCents)}</span>
      </span>
    </label>
    {card === null ? null : (
      <div class="consent">
        <label class="check">
          <input
            type="checkbox"
            name="consent"
            value={consentTo(pack, card)}
            aria-describedby={error !== undefined && isChosen ? `consent-${pack.id}-error` : undefined}
          />
          <span>
            I agree that my {cardName(card)} is charged {dollars(pack.priceCents)} for {pack.name}, without asking me
            again, whenever I have fewer credits than the number above, up to the monthly limit, until I switch it off.
          </span>
        </label>
        {isChosen ? <FieldError name={`consent-${pack.id}`} error={error} /> : null}
      </div>
    )}
  </div>
)

const NoCard: FC<{ error: string | undefined }> = ({ error }) => (
  <div>
    <p class="hint">
      To switch it on, there must be a card that it may charge: <a href="/billing/buy">buy a pack</a> once, and tick
      that the card is kept.
    </p>
    <FieldError name="consent" error={error} />
  </div>
)
