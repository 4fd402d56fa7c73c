package ingress

import (
	"errors"
	"io"
	"net"
	"net/http"
)

// readBody reads a whole body, which is never empty, of at most max bytes. The
// body's memory is exactly as large as what was declared, or grows with what
// arrives; h holds its room in the lanes.
func readBody(w http.ResponseWriter, r *http.Request, max int64, l *lanes, h *hold) ([]byte, *problem) {
	in := http.MaxBytesReader(w, r.Body, max)
	declared := r.ContentLength
	if declared >= 0 && declared <= freeBytes {
		body := make([]byte, declared)
		_, err := io.ReadFull(in, body)
		return body, unread(err)
	}
	first := make([]byte, freeBytes)
	n, err := io.ReadFull(in, first)
	switch {
	case declared < 0 && err == io.EOF:
		return nil, problemEmpty
	case declared < 0 && err == io.ErrUnexpectedEOF:
		return first[:n:n], nil
	case err != nil:
		return nil, unread(err)
	case declared < 0:
		return readUndeclared(r, in, first, max, l, h)
	}
	if !l.take(r.Context(), h, declared, true) {
		return nil, problemCapacity
	}
	body := make([]byte, declared)
	copy(body, first)
	_, err = io.ReadFull(in, body[n:])
	return body, unread(err)
}

// readUndeclared reads the rest of a chunked body after first. It takes room for a
// small body first, and for the largest only when that is full.
func readUndeclared(r *http.Request, in io.Reader, first []byte, max int64, l *lanes, h *hold) ([]byte, *problem) {
	body := first
	for _, size := range []int64{min(smallBytes, max), max} {
		if !l.take(r.Context(), h, size-h.bytes, false) {
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
	var tooLarge *http.MaxBytesError
	var network net.Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &tooLarge):
		return problemSize
	case errors.As(err, &network) && network.Timeout():
		return problemSlow
	default:
		return problemMalformed // ends early, or its chunks are broken
	}
}
