package inspect

// SharedJSON is sharedJSON, for tests.
var SharedJSON = sharedJSON
