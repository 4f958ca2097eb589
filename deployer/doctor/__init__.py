"""`deployer doctor`: looks at all that a deployment needs, changes nothing, says what is wrong."""
