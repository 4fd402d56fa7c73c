package normalizer

import (
	"time"

	"github.com/ThreeDotsLabs/watermill"
	"github.com/ThreeDotsLabs/watermill/message"
	"go.uber.org/zap"
)

// route is the way of every delivery. It reads from the outside in: each
// middleware relies on those below it and answers for them to those above.
func (n *Normalizer) route(in message.Subscriber, w *workers, publish func(*outcome) error) (*message.Router, error) {
	router, err := message.NewRouter(message.RouterConfig{CloseTimeout: closeTimeout}, routerLog{n.log})
	if err != nil {
		return nil, err
	}
	router.AddMiddleware(
		w.untilStored,                   // few goroutines do the rest; this one waits for its receipt
		deadLetters(publish, n.Version), // what cannot become an event is kept whole, with the reason
		recoverPanics(n.log),            // a panic is such a reason
		guardCrashes(&n.guard),          // what crashed its workers is not parsed again
		n.openSeals,                     // what no ingress sealed is not read at all
	)
	router.AddConsumerHandler("normalizer", n.Stream, in, n.normalize(publish))
	return router, nil
}

// closeTimeout is how long the router waits for handlers when it is closed. They
// have nothing to wait for by then.
const closeTimeout = 10 * time.Second

// routerLog lets the router's errors through and drops the rest. The router has
// several lines for every message, and fields made for each.
type routerLog struct{ log *zap.Logger }

func (l routerLog) Error(msg string, err error, _ watermill.LogFields) {
	l.log.Error("router: "+msg, zap.Error(err))
}
func (l routerLog) Info(string, watermill.LogFields)                 {}
func (l routerLog) Debug(string, watermill.LogFields)                {}
func (l routerLog) Trace(string, watermill.LogFields)                {}
func (l routerLog) With(watermill.LogFields) watermill.LoggerAdapter { return l }
