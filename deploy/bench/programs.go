package main

import (
	"context"
	"fmt"

	topology "paybridge/deploy/jetstream"
)

// door is a program that takes webhooks.
type door struct {
	*process
	address string
	served  int // requests so far
}

func (b *bus) startIngress(ctx context.Context, programs binaries) (*door, error) {
	p, err := programs.start("ingress", programs.path("ingress"), "--config", b.config)
	if err != nil {
		return nil, err
	}
	return opened(ctx, p, b.door)
}

func (b *bus) startBridge(ctx context.Context, programs binaries, which string) (*door, error) {
	address, err := freeAddress()
	if err != nil {
		return nil, err
	}
	p, err := programs.start("bridge", programs.self, "bridge", "-nats", b.url, "-listen", address, "-secret", benchSecret,
		fmt.Sprintf("-contract=%t", which == sameMessage))
	if err != nil {
		return nil, err
	}
	return opened(ctx, p, address)
}

// opened waits until a door takes connections, or closes it.
func opened(ctx context.Context, p *process, address string) (*door, error) {
	if err := p.listening(ctx, address); err != nil {
		p.stop()
		return nil, err
	}
	return &door{process: p, address: address}, nil
}

func (b *bus) startNormalizer(programs binaries) (*process, error) {
	return programs.start("normalizer", programs.path("normalizer"), "--config", b.config)
}

// startCopy starts this program in its role of a copier of a stream.
func (b *bus) startCopy(programs binaries, how, stream string, from uint64) (*process, error) {
	return programs.start("copy", programs.self, "copy", "-nats", b.url, "-how", how, "-stream", stream, "-from", fmt.Sprint(from))
}

// runNormalizer starts the normalizer on what is waiting and stops it when
// all of it is stored.
func (b *bus) runNormalizer(ctx context.Context, programs binaries, count int) (sample, error) {
	before, err := b.last(ctx, topology.Payments)
	if err != nil {
		return sample{}, err
	}
	p, err := b.startNormalizer(programs)
	if err != nil {
		return sample{}, err
	}
	return b.finish(ctx, p, topology.Payments, before, count)
}

// runCopy has a copier copy what was stored for this round.
func (b *bus) runCopy(ctx context.Context, programs binaries, from uint64, count int, how string) (sample, error) {
	before, err := b.last(ctx, copyStream)
	if err != nil {
		return sample{}, err
	}
	if how == serialCopy {
		count /= serialShare
	}
	p, err := b.startCopy(programs, how, topology.Webhooks, from)
	if err != nil {
		return sample{}, err
	}
	return b.finish(ctx, p, copyStream, before, count)
}
