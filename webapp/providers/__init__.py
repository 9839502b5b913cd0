"""Service providers: who sells or gives goods and services, in each country."""
