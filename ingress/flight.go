package ingress

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// flight bounds the deliveries that wait for the stream.
type flight struct {
	places chan struct{}
	gauge  prometheus.Gauge
}

// newFlight has a number of places; gauge shows how many are taken.
func newFlight(places int, gauge prometheus.Gauge) *flight {
	return &flight{make(chan struct{}, places), gauge}
}

// enter waits at most patience for a place; it is false where there is none.
func (f *flight) enter(patience time.Duration) bool {
	select {
	case f.places <- struct{}{}:
	default:
		timer := time.NewTimer(patience)
		defer timer.Stop()
		select {
		case f.places <- struct{}{}:
		case <-timer.C:
			return false
		}
	}
	f.gauge.Inc()
	return true
}

// leave gives back a place that was entered.
func (f *flight) leave() {
	f.gauge.Dec()
	<-f.places
}
