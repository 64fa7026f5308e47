"""Who polls when: leases, due times, pauses, runs and the judgement of how it goes."""
