"""Where deliveries, orders, releases and deployments are kept, so that nothing accepted is lost."""
