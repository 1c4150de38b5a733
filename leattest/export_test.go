package leattest

import "time"

// SetPatience makes the suite give up sooner.
func SetPatience(d time.Duration) { patience, remotePatience = d, d/2 }

// The optional methods, for the kinds that the tests make.
type (
	BatchSender      = batchSender
	BatchReceiver    = batchReceiver
	ForceSender      = forceSender
	TryBatchSender   = tryBatchSender
	TryBatchReceiver = tryBatchReceiver
	BatchCollector   = batchCollector
	Lener            = lener
	Caper            = caper
	Readier          = readier
	Doner            = doner
	CauseCloser      = causeCloser
	Counter          = counter
	ReceiverWaiter   = receiverWaiter
	Settler          = settler
	Nexter           = nexter
	Ranger           = ranger
	CountingRanger   = countingRanger
	LoopErrer        = loopErrer
)
