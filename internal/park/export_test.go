package park

var IsTest = isTest
