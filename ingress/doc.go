// Package ingress accepts payment providers' webhooks and stores them, unread.
//
// # The promise
//
// A 200 means that the raw stream has acknowledged the delivery. Any other answer
// means that the provider should send it again, or that what was sent is not a
// webhook of a source. There is no third case.
//
// After authentication nothing is refused for its content: white space, broken
// JSON and unknown types are stored like any other body, and the normalizer says
// what they are.
//
// # The way of a request
//
// [Server] looks the path up in a table, reads the body under limits, verifies it
// and stores it; the function webhook tells that story. Everything before
// authentication costs little: paths are compared and never interpolated, a
// declared length is refused before a byte of the body is read, and the bodies in
// hand are bounded in bytes (see lanes), in two lanes so that a flood of large
// bodies does not stop the small ones that webhooks are. Where all connections are
// taken, those of which no request is authenticated give way (see strangers).
//
// A sender that hangs up does not cancel what it sent: from authentication on, a
// delivery has its own deadline, the budget.
//
// # What it does not do
//
// It maps nothing, knows no provider and opens no connection but to NATS. Packages
// auth and schemas/delivery say what a signature and a stored message are.
package ingress
