/** All routes, in the order in which the documentation shows them. */
import type { Route } from './route.ts'
import { accountRoutes } from './routes/accounts.ts'
import { autoTopUpRoutes } from './routes/auto-top-up.ts'
import { balanceRoutes } from './routes/balance.ts'
import { batchRoutes } from './routes/batch.ts'
import { byokRoutes } from './routes/byok.ts'
import { catalogRoutes } from './routes/catalog.ts'
import { dashboardSessionRoutes } from './routes/dashboard-sessions.ts'
import { documentRoutes } from './routes/documents.ts'
import { grantRoutes } from './routes/grants.ts'
import { historyRoutes } from './routes/history.ts'
import { keyRoutes } from './routes/keys.ts'
import { payRoutes } from './routes/pay.ts'
import { previewRoutes } from './routes/preview.ts'
import { purchaseRoutes } from './routes/purchases.ts'
import { reservationRoutes } from './routes/reservations.ts'
import { stripeRoutes } from './routes/stripe.ts'

export const routes: readonly Route[] = [
  ...catalogRoutes,
  ...reservationRoutes,
  ...batchRoutes,
  ...balanceRoutes,
  ...historyRoutes,
  ...purchaseRoutes,
  ...payRoutes,
  ...autoTopUpRoutes,
  ...previewRoutes,
  ...byokRoutes,
  ...keyRoutes,
  ...accountRoutes,
  ...grantRoutes,
  ...dashboardSessionRoutes,
  ...stripeRoutes,
  ...documentRoutes(() => routes),
]
