/** Ports of what monitoring itself runs. */
export const PORTS = { prometheus: 9090, alertmanager: 9093, grafana: 3000 } as const;
