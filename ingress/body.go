package ingress

import (
	"errors"
	"io"
	"net"
	"net/http"
	"time"
)

// reading reads the body of one call.
type reading struct {
	*call
	lanes    *lanes
	max      int64 // bytes of a body
	patience time.Duration
}

// all reads the whole body, which is never empty. Its memory is exactly as large as
// what was declared, or grows with what arrives; the call holds its room in the lanes.
func (b reading) all() ([]byte, *problem) {
	in := http.MaxBytesReader(b.w, b.r.Body, b.max)
	declared := b.r.ContentLength
	if declared >= 0 && declared <= freeBytes {
		body := make([]byte, declared)
		_, err := io.ReadFull(in, body)
		return body, unread(err)
	}
	first := make([]byte, freeBytes)
	n, err := fill(in, first)
	switch {
	case declared < 0 && err == io.EOF && n == 0:
		return nil, problemEmpty
	case declared < 0 && err == io.EOF:
		return first[:n:n], nil
	case err != nil:
		return nil, unread(err)
	case declared < 0:
		return b.undeclared(in, first)
	}
	if !b.lanes.take(b.r.Context(), &b.hold, declared, true, b.patience) {
		return nil, problemCapacity
	}
	body := make([]byte, declared)
	copy(body, first)
	_, err = io.ReadFull(in, body[n:])
	return body, unread(err)
}

// fill reads until buf is full. io.EOF is the end of the body, with n bytes of it;
// unlike [io.ReadFull] it does not take the end of a chunked body, which the reader
// itself reports as unexpected when it is cut short, for the end of a whole one.
func fill(in io.Reader, buf []byte) (n int, err error) {
	for n < len(buf) && err == nil {
		var more int
		more, err = in.Read(buf[n:])
		n += more
	}
	if n == len(buf) && err == io.EOF {
		err = nil // the next read says so again
	}
	return n, err
}

// undeclared reads the rest of a chunked body after first. It takes room for a small
// body first, and for the largest only when that is full.
func (b reading) undeclared(in io.Reader, first []byte) ([]byte, *problem) {
	body := first
	for _, size := range []int64{min(smallBytes, b.max), b.max} {
		if !b.lanes.take(b.r.Context(), &b.hold, size-b.hold.bytes, false, b.patience) {
			return nil, problemCapacity
		}
		body = append(make([]byte, 0, size), body...)
		for int64(len(body)) < size {
			n, err := in.Read(body[len(body):size])
			body = body[:len(body)+n]
			if err == io.EOF {
				return body, nil
			}
			if err != nil {
				return nil, unread(err)
			}
		}
	}
	// The body is as long as it may be: one more byte is one too many.
	_, err := io.ReadFull(in, make([]byte, 1))
	if err == io.EOF {
		return body, nil
	}
	return nil, unread(err)
}

// unread says what it means that a body could not be read to its end.
func unread(err error) *problem {
	if err == nil {
		return nil
	}
	var tooLarge *http.MaxBytesError
	var network net.Error
	switch {
	case errors.As(err, &tooLarge):
		return problemSize
	case errors.As(err, &network) && network.Timeout():
		return problemSlow
	default:
		return problemMalformed // ends early, or its chunks are broken
	}
}
