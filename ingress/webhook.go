package ingress

import (
	"crypto/sha256"
	"net/http"
	"time"

	"go.uber.org/zap"

	"paybridge/schemas/delivery"
)

// call is one request on its way through the ingress, and what is known about it so
// far: enough for one answer, one log line and one count.
type call struct {
	w     http.ResponseWriter
	r     *http.Request
	began time.Time

	// What the steps find out, in their order. A field is zero until its step
	// has been reached, so that the log line says how far a request came.
	route    *route // unknownRoute until it is looked up
	hold     hold   // room for the body
	read     bool   // the body was read to its end
	body     []byte
	refusal  error             // what verification said
	signedAt time.Time         // what the sender's clock said; zero where nothing is dated
	delivery delivery.Delivery // complete once it is verified

	digest    [sha256.Size]byte // of the body, once it is hashed
	messageID string
	receipt   receipt     // of a stored delivery
	failure   error       // why it is not stored
	crash     []zap.Field // what a panic left
	answered  bool        // there is no second answer
}

// webhook is the whole story of a request on the public listener: look up, read,
// verify, store, answer. A step that returns a problem is the last one.
func (s *Server) webhook(w http.ResponseWriter, r *http.Request) {
	c := &call{w: w, r: r, began: s.o.Now(), route: unknownRoute}
	defer c.hold.release()
	defer s.recovered(c)

	problem := s.lookUp(c)
	if problem == nil {
		problem = s.refuseEarly(c)
	}
	if problem == nil {
		problem = s.readAll(c)
	}
	if problem == nil {
		problem = s.verify(c)
	}
	if problem == nil {
		problem = s.put(c)
	}
	s.answer(c, problem)
}

// lookUp finds the route of the path exactly as it was sent, and refuses what the
// headers alone show to be no webhook. The order of the checks is the contract's.
func (s *Server) lookUp(c *call) *problem {
	// A map of what is configured: no path is parsed, joined or redirected to.
	path, _ := splitTarget(c.r.RequestURI)
	to, ok := s.serving.Load().table[path]
	if !ok {
		return problemPath
	}
	c.route = to
	switch {
	case c.r.Method != http.MethodPost:
		return problemMethod
	case isEncoded(c.r.Header["Content-Encoding"]):
		return problemEncoding
	case c.r.ContentLength > s.o.MaxBody:
		return problemSize
	case c.r.ContentLength == 0:
		return problemEmpty
	}
	return nil
}

// readAll reads the body into memory that the lanes have room for.
func (s *Server) readAll(c *call) *problem {
	var problem *problem
	c.body, problem = reading{c, s.lanes, s.o.MaxBody, s.times.patience}.all()
	c.read = problem == nil
	return problem
}

// put stores the delivery. It waits for a place among those in flight, so that a
// stream that is slow or away costs bounded memory, and then for the stream. All that a
// sender waits for on our account, room for its body included, is part of the budget.
func (s *Server) put(c *call) *problem {
	began := s.o.Now().Add(-c.hold.waited)
	if !s.flight.enter(min(s.times.patience, s.o.Budget)) {
		return problemCapacity
	}
	defer s.flight.leave()
	// The digest is part of the seal and of the receipt.
	c.digest = sha256.Sum256(c.body)
	room := s.rooms.Get().(*delivery.Room)
	message := room.Message(&c.delivery, s.serving.Load().seal, c.digest)
	c.messageID = message.Header[delivery.MessageIDHeader][0]
	c.receipt, c.failure = s.store.put(message, began)
	s.health.saw(c.failure)
	if c.failure != nil {
		return problemStore
	}
	if c.receipt.attempts == 1 { // an attempt that failed may still be looking at its message
		message.Data = nil // the body is not the room's to keep
		s.rooms.Put(room)
	}
	return nil
}

// answer ends the story, whatever it was: one answer, one count, one log line.
func (s *Server) answer(c *call, p *problem) {
	c.answered = true
	closing := s.draining.Load() || c.closes(p)
	now := s.o.Now()
	took := now.Sub(c.began)
	if p == nil {
		s.metrics.accepted(c, took, now)
		c.route.accept(c.w, closing)
		if w, buffers := c.w.(http.Flusher); buffers {
			w.Flush() // the sender need not wait for our log
		}
		s.stored(c, took)
		return
	}
	p.answer(c.w, closing)
	why := p.why(c)
	s.metrics.refused(c.route, p, why, took)
	s.refused(c, p, why, took)
	switch {
	case p == problemSize:
		linger(c)
	case closing && !c.read:
		hangUp(c)
	}
}

// closes says whether the connection ends with the answer: where a body, or a rest
// of it, is unread, and where it might have been, so that failures look alike.
func (c *call) closes(p *problem) bool {
	if p == problemAuth && c.r.ContentLength > freeBytes {
		return true
	}
	return !c.read && c.r.ContentLength != 0
}
