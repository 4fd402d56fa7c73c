package ingress

import (
	"errors"
	"net/textproto"

	"paybridge/ingress/auth"
	"paybridge/schemas/delivery"
)

// refuseEarly refuses, before the body is read, what its headers refuse. A signed
// body that costs nothing to read is read all the same, so that all its failures look
// alike; and where its length is unknown, its size and emptiness are checked first, as
// the contract orders.
func (s *Server) refuseEarly(c *call) *problem {
	if !c.route.token && c.r.ContentLength <= freeBytes {
		return nil
	}
	request := c.request()
	request.ReceivedAt = c.began
	if c.refusal = c.route.verifier.Early(request); c.refusal != nil {
		return problemAuth
	}
	return nil
}

// verify authenticates the whole request and makes the delivery of it. From here on
// nothing is refused for its content.
func (s *Server) verify(c *call) *problem {
	// The clock of a signature is when the whole request was here: the same
	// moment that is stored, so that the delivery verifies again years later.
	request := c.request()
	request.Body, request.ReceivedAt = c.body, s.o.Now().UTC()
	result, err := c.route.verifier.Verify(request)
	if err != nil {
		c.refusal = err
		return problemAuth
	}
	authenticated(c.r.Context())
	c.signedAt = result.SignedAt
	c.delivery = delivery.Delivery{
		Source: c.route.source, Provider: c.route.provider, Endpoint: c.route.endpoint,
		ReceivedAt: request.ReceivedAt, RequestID: s.o.RequestID(),
		Scheme: result.Scheme, KeyID: result.KeyID, SignedID: result.SignedID,
		Traceparent: traceparent(c.r.Header["Traceparent"]),
		Header:      c.keptHeaders(),
		Body:        c.body,
	}
	if c.route.keepQuery {
		c.delivery.Query = request.Query
	}
	return nil
}

// request is what a verifier may look at, but for the body and the clock.
func (c *call) request() auth.Request {
	_, query := splitTarget(c.r.RequestURI)
	return auth.Request{Method: c.r.Method, URL: c.route.url, Query: query, Header: c.r.Header}
}

// keptHeaders copies the headers that the route keeps: by name, never what was sent,
// because Nats-* and Status mean something to the server.
func (c *call) keptHeaders() textproto.MIMEHeader {
	var kept textproto.MIMEHeader
	for _, name := range c.route.keepHeaders {
		values := c.r.Header[name]
		if len(values) == 0 {
			continue
		}
		if kept == nil {
			kept = make(textproto.MIMEHeader, len(c.route.keepHeaders))
		}
		kept[name] = values
	}
	return kept
}

// refusalReason is the operator's word for a refusal: a metric label.
func refusalReason(err error) string {
	var refusal *auth.Error
	if errors.As(err, &refusal) {
		return string(refusal.Reason)
	}
	return "other"
}
