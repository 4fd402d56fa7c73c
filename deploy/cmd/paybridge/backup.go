package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	natsjs "github.com/nats-io/nats.go/jetstream"
	"github.com/spf13/cobra"
	"go.uber.org/zap"

	"paybridge/deploy/jetstream"
	"paybridge/deploy/operate"
)

// roleBackup is the role of deploy/nats that copies streams.
const roleBackup = "backup"

// streamsBackup is `streams backup`.
func (p *Program) streamsBackup() *cobra.Command {
	var pl place
	var asJSON, dry bool
	var why string
	var metrics metricsFile
	b := operate.Backup{}
	cmd := &cobra.Command{
		Use:   "backup DIR",
		Short: "copy the streams and their consumers into a new folder",
		Long: `Copies each stream as the server's own snapshot, with its consumers and where they
are, while everything goes on. Then it reads the stream message by message and notes
counts and a digest over sequence, time, subject, headers and bytes: a restore is
compared with that. The nats command knows the same files: nats stream restore DIR/NAME.

It changes nothing on the bus, and says first how much it will copy, and what room there is: too
little for it in any case is refused. --dry-run only says it.

DIR holds people's data, readable by its owner alone. It is a backup only once this
command has ended well; SHA256SUMS is written last and names every file. Interrupted or
killed, it is continued by the same command: the streams that are whole are kept for a day, the one
that it was at begins anew. The manifest says of each stream when it was taken.

Keep the seal keys and secrets too, elsewhere: they are in no backup. Those that up made are
in DATA/secrets. Without the seal keys no restored delivery can become an event.`,
		Example: "  paybridge streams backup backup-2026-01-31 --dry-run\n" +
			"  paybridge streams backup backup-2026-01-31 --why 'before the upgrade'\n" +
			"  paybridge streams backup backup-2026-02-01 --metrics-file backup.prom\n" +
			"  paybridge streams backup webhooks-only --stream WEBHOOKS --json",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := errors.Join(knownStreams(b.Streams), metrics.check()); err != nil {
				return err
			}
			b.Dir, b.Now, b.Progress = args[0], p.Now(), p.progress
			bridge, err := p.find(pl)
			if err != nil {
				return err
			}
			return bridge.onBus(cmd.Context(), roleBackup, func(ctx context.Context, js natsjs.JetStream) error {
				plan, err := b.Plan(ctx, js)
				if dry {
					return errors.Join(err, p.printBackupPlan(plan, b.Dir, err == nil, asJSON))
				}
				var m operate.Manifest
				if err == nil {
					fmt.Fprintln(p.Stderr, backupPlan(plan, b.Dir))
					m, err = b.Run(ctx, js)
				}
				p.auditLine("streams backup", why, err, zap.String("dir", b.Dir), zap.Any("counts", counts(m)))
				if err != nil {
					return interrupted(ctx, err, "run it again to go on: the streams that are whole are kept")
				}
				return errors.Join(p.printBackup(m, b.Dir, asJSON), metrics.write(operate.BackupMeasures(m.Made)))
			})
		},
	}
	pl.flags(cmd)
	jsonFlag(cmd, &asJSON)
	streamFlag(cmd, &b.Streams)
	metrics.flag(cmd, "stream")
	cmd.Flags().BoolVar(&dry, "dry-run", false, "say how much would be copied, and how much room there is; write nothing")
	cmd.MarkFlagsMutuallyExclusive("metrics-file", "dry-run")
	cmd.Flags().StringVar(&why, "why", "", "why, for the audit line")
	return cmd
}

// backupPlan says how much is to be copied, and the room for it.
func backupPlan(plan operate.BackupPlan, dir string) string {
	var streams []string
	for _, s := range plan.Streams {
		what := fmt.Sprintf("%s (%d messages, %s)", s.Name, s.Messages, operate.Bytes(int64(s.Bytes)))
		if s.Kept {
			what = s.Name + " (whole there already)"
		}
		streams = append(streams, what)
	}
	free := operate.Bytes(int64(plan.Free)) + " free there"
	if plan.Free == 0 {
		free = "how much is free there is not known"
	}
	return fmt.Sprintf("into %s: %s\n%s to be copied, and less when it is compressed; %s",
		dir, strings.Join(streams, ", "), operate.Bytes(int64(plan.Stored)), free)
}

// printBackupPlan ends a --dry-run. One that cannot be done says so by its error alone.
func (p *Program) printBackupPlan(plan operate.BackupPlan, dir string, could, asJSON bool) error {
	if !could {
		return nil
	}
	if !asJSON {
		fmt.Fprintln(p.Stdout, backupPlan(plan, dir))
	}
	return p.looked(plan, asJSON)
}

// streamFlag declares --stream.
func streamFlag(cmd *cobra.Command, to *[]string) {
	cmd.Flags().StringSliceVar(to, "stream", nil, "only this stream; may be repeated")
}

// knownStreams refuses a name that no stream of the topology has.
func knownStreams(names []string) error {
	for _, name := range names {
		if jetstream.SubjectsOf(name) == "" {
			return &operate.Advice{Err: fmt.Errorf("%q is no stream of the bridge", name), Do: fmt.Sprintf("choose of %v", operate.StreamNames())}
		}
	}
	return nil
}

// counts is what an audit line says of a backup.
func counts(m operate.Manifest) map[string]uint64 {
	of := map[string]uint64{}
	for _, s := range m.Streams {
		of[s.Name] = s.Messages
	}
	return of
}

func (p *Program) printBackup(m operate.Manifest, dir string, asJSON bool) error {
	if asJSON {
		return p.printJSON(m)
	}
	t := p.table("STREAM", "MESSAGES", "FROM", "TO", "SIZE", "TAKEN", "SHA256 OF THE MESSAGES")
	for _, s := range m.Streams {
		t.row(s.Name, s.Messages, s.First, s.Last, operate.Bytes(s.Bytes), s.Taken.UTC().Format(time.RFC3339), orDash(s.Digest()))
	}
	if err := t.flush(); err != nil {
		return err
	}
	for _, s := range m.Streams {
		if s.Earlier {
			fmt.Fprintf(p.Stdout, "%s was whole before this backup was interrupted: it is of %s\n", s.Name, s.Taken.UTC().Format(time.RFC3339))
		}
	}
	fmt.Fprintf(p.Stdout, "\n%s holds people's data: keep it as the streams are kept, and delete it when they would have\n", dir)
	fmt.Fprintf(p.Stdout, "what a restore of it would do: %s streams restore %s\n", p.Name, shellWord(dir))
	fmt.Fprintln(p.Stdout, "keep the seal keys and secrets too, elsewhere: they are in no backup (those that up made: DATA/secrets)")
	return nil
}

// streamsRestore is `streams restore`.
func (p *Program) streamsRestore() *cobra.Command {
	var pl place
	var asJSON, apply bool
	var why string
	r := operate.Restore{}
	cmd := &cobra.Command{
		Use:   "restore DIR",
		Short: "make streams again from a backup, and compare them with it",
		Long: `Without --apply it checks the backup and says what it would do. With --apply it makes
each stream again, with sequences, times and headers as they were, reads it message by
message and compares counts and digests with the backup's; exit code 1 says what differs.

Consumers come back where they were at the backup. The normalizer goes on with the first
delivery that was not done then: what it did since is done again, under message ids that
PAYMENTS drops within its duplicate window, once the nats-server was restarted. Teams read
again what they had read since. Interrupted or killed, it is continued by the same command:
what it has restored is compared and left.

A stream that is there and empty is replaced. One that holds messages is refused, unless
--replace says so: it stops taking messages, is backed up beside DIR, and then deleted. Stop
the normalizers first; an ingress may go on, its providers send again. The normalizer of a
running up begins at once with what is restored: stop that up and start it again afterwards.

The seal keys of the old bridge have to be here (up: copy DATA/secrets before it starts). Where
they do not open what is in the backup it is refused, unless --without-seal-keys says so.`,
		Example: "  paybridge streams restore backup-2026-01-31\n" +
			"  paybridge streams restore backup-2026-01-31 --apply --why 'the disk is new'\n" +
			"  paybridge streams restore webhooks-only --stream WEBHOOKS --replace --apply",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := knownStreams(r.Streams); err != nil {
				return err
			}
			b, err := p.find(pl)
			if err != nil {
				return err
			}
			r.Dir, r.Now, r.Progress, r.Replicas = args[0], p.Now(), p.progress, b.Config.Streams.Replicas
			r.Up = b.Running != nil
			if r.Seals, err = b.seals(); err != nil && !r.AnySeal {
				return err
			}
			return b.onBus(cmd.Context(), roleProvisioner, func(ctx context.Context, js natsjs.JetStream) error {
				steps, err := r.Plan(ctx, js)
				if err == nil && apply {
					err = r.Run(ctx, js, steps)
					p.auditLine("streams restore", why, err, zap.String("dir", r.Dir), zap.Bool("replace", r.Replace), zap.Any("counts", steps))
				}
				err = restoreInterrupted(ctx, err)
				return errors.Join(err, p.printRestore(steps, restoreEnd{apply, r.Up, err != nil}, asJSON))
			})
		},
	}
	pl.flags(cmd)
	jsonFlag(cmd, &asJSON)
	streamFlag(cmd, &r.Streams)
	flags := cmd.Flags()
	flags.BoolVar(&apply, "apply", false, "do it; without it nothing is changed")
	flags.BoolVar(&r.Replace, "replace", false, "also where a stream holds messages: they are backed up, then deleted")
	flags.BoolVar(&r.AnySeal, "without-seal-keys", false, "although the seal keys here open no delivery of WEBHOOKS: what waits becomes dead letters, unsealed")
	flags.StringVar(&why, "why", "", "why, for the audit line")
	return cmd
}

// restoreInterrupted says how to go on, with what a restore says that it leaves.
func restoreInterrupted(ctx context.Context, err error) error {
	leaves := "run it again to go on: what is restored by now is compared and left"
	var advice *operate.Advice
	if errors.As(err, &advice) {
		leaves = advice.Do
	}
	return interrupted(ctx, err, leaves)
}

// restoreEnd is how a restore ended.
type restoreEnd struct{ applied, up, failed bool }

func (p *Program) printRestore(steps []operate.RestoreStep, end restoreEnd, asJSON bool) error {
	if asJSON {
		return p.printJSON(notNil(steps))
	}
	if len(steps) == 0 {
		return nil
	}
	t := p.table("STREAM", "MESSAGES", "FROM", "TO", "ON THE BUS BEFORE", "RESTORED")
	for _, s := range steps {
		t.row(s.Name, s.Messages, s.First, s.Last, thereText(s.There), restoredText(s))
	}
	if err := t.flush(); err != nil {
		return err
	}
	for _, s := range steps {
		p.printRestoreStep(s)
	}
	unverified := func(s operate.RestoreStep) bool { return !s.Verified }
	switch {
	case end.failed, end.applied && slices.ContainsFunc(steps, unverified): // the error says what to do
	case end.applied && end.up:
		fmt.Fprintf(p.Stdout, "\nnow: stop this up and start it again, then %s streams check and %s audit\n", p.Name, p.Name)
	case end.applied:
		fmt.Fprintf(p.Stdout, "\nnow: restart the nats-server, which knows the message ids of what is restored only then; start the normalizers again; then %s streams check and %s audit\n", p.Name, p.Name)
	case !slices.ContainsFunc(steps, func(s operate.RestoreStep) bool { return !s.Already }):
		fmt.Fprintln(p.Stdout, "\nall of it is restored")
	default:
		fmt.Fprintln(p.Stdout, "\nthe backup is whole; nothing is changed: say --apply to restore it")
	}
	return nil
}

// printRestoreStep says what one should know of a stream beside the table.
func (p *Program) printRestoreStep(s operate.RestoreStep) {
	if s.Kept != "" {
		fmt.Fprintf(p.Stdout, "what %s held is in %s\n", s.Name, s.Kept)
	}
	if s.Expired {
		fmt.Fprintf(p.Stdout, "%s has messages older than its max_age, which is lifted to keep them: set a longer max_age in the configuration, then %s streams apply\n", s.Name, p.Name)
	}
	for _, name := range s.Lost {
		fmt.Fprintf(p.Stdout, "consumer %s of %s is not in the backup and goes with what is replaced: %s consumer add %s, afterwards\n", name, s.Name, p.Name, name)
	}
	for _, c := range s.Consumers {
		fmt.Fprintf(p.Stdout, "consumer %s of %s: done up to %d, %d waiting\n", c.Name, s.Name, c.AckFloor, c.Pending)
	}
	if s.Verified && s.Name == jetstream.Webhooks && len(s.Consumers) == 0 {
		fmt.Fprintf(p.Stdout, "the backup has no consumer normalizer: %s streams apply makes it, after the highest delivery that is accounted for\n", p.Name)
	}
}

func thereText(n *int) string {
	switch {
	case n == nil:
		return "no stream"
	case *n == 0:
		return "empty"
	}
	return fmt.Sprint(*n, " messages")
}

func restoredText(s operate.RestoreStep) string {
	switch {
	case s.Already:
		return "the same as in the backup, by an earlier run"
	case s.Verified:
		return "the same as in the backup"
	case s.Differs != "":
		return "NOT the same"
	}
	return "not yet"
}
