/** All routes, in the order in which the documentation shows them. */
import type { Route } from './route.ts'
import { accountRoutes } from './routes/accounts.ts'
import { balanceRoutes } from './routes/balance.ts'
import { batchRoutes } from './routes/batch.ts'
import { catalogRoutes } from './routes/catalog.ts'
import { documentRoutes } from './routes/documents.ts'
import { grantRoutes } from './routes/grants.ts'
import { historyRoutes } from './routes/history.ts'
import { keyRoutes } from './routes/keys.ts'
import { reservationRoutes } from './routes/reservations.ts'

export const routes: readonly Route[] = [
  ...catalogRoutes,
  ...reservationRoutes,
  ...batchRoutes,
  ...balanceRoutes,
  ...historyRoutes,
  ...keyRoutes,
  ...accountRoutes,
  ...grantRoutes,
  ...documentRoutes(() => routes),
]
