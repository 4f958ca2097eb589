"""The tests mirror deployer/; contracts/ holds one suite for every implementation and its fake."""
