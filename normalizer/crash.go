package normalizer

import (
	"fmt"
	"sync/atomic"

	"github.com/ThreeDotsLabs/watermill/message"

	"paybridge/normalizer/mapping"
	"paybridge/schemas/delivery"
)

// crashGuard finds the message that crashes its worker.
//
// A crash leaves everything that was in hand to be delivered again: the poison and
// up to a thousand innocent neighbours, all with the same count. The subscription
// then gives them out one by one in stream order (see oneByOne), so the poison
// crashes the next worker too, but only after everything before it is done for
// good, and before anything after it has begun. Each crash so leaves the poison
// first among those that are left. When the count of what is first passes the
// guard, it is the poison, and it is not tried again. Those behind it have the
// same count, and get their try: they are only judged by the limit, which none
// reaches unless one worker after the other crashed for other reasons.
type crashGuard struct {
	most  uint64 // deliveries that the first suspect may have
	limit uint64 // deliveries that any message may have
	spent atomic.Bool
}

// poison says whether a message that was delivered so often is not to be tried
// again.
func (g *crashGuard) poison(delivered uint64) bool {
	if delivered <= g.most {
		return false
	}
	first := g.spent.CompareAndSwap(false, true)
	return first || delivered > g.limit
}

// guardCrashes is the middleware that keeps what crashed its workers from being
// parsed once more.
func guardCrashes(g *crashGuard) message.HandlerMiddleware {
	return func(next message.HandlerFunc) message.HandlerFunc {
		return func(m *message.Message) ([]*message.Message, error) {
			if delivered := inHand(m).delivered; g.poison(delivered) {
				return nil, &mapping.Dead{Reason: delivery.CrashGuard, Problem: fmt.Sprintf("delivered %d times and never settled", delivered)}
			}
			return next(m)
		}
	}
}
