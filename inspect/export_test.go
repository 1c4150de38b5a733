package inspect

// For tests.
var (
	SharedJSON = sharedJSON
	UntilTick  = untilTick
)
